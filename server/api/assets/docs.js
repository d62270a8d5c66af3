const main = document.getElementById("calls");

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function resolved(schema, all, depth = 0) {
  if (schema === null || typeof schema !== "object" || depth > 6) return schema;
  if (Array.isArray(schema)) return schema.map((each) => resolved(each, all, depth));
  if (schema.$ref) return resolved(all[schema.$ref.split("/").pop()] ?? {}, all, depth + 1);
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, resolved(value, all, depth + 1)]),
  );
}

function part(title, schema, all) {
  const shown = JSON.stringify(resolved(schema, all), null, 2);
  return element("details", "", element("summary", title), element("pre", shown));
}

function call(path, method, operation, all) {
  const head = element("h2", "", element("code", `${method.toUpperCase()} ${path}`));
  const section = element("section", "", head, element("p", operation.summary ?? ""));
  const body = operation.requestBody?.content?.["application/json"]?.schema;
  if (body) section.append(part("Body", body, all));
  for (const [status, answer] of Object.entries(operation.responses)) {
    for (const content of Object.values(answer.content ?? {})) {
      section.append(part(status === "default" ? "Problems" : `Answer ${status}`, content.schema, all));
    }
  }
  return section;
}

try {
  const answer = await fetch("/api/openapi.json");
  const described = await answer.json();
  const all = described.components?.schemas ?? {};
  for (const [path, operations] of Object.entries(described.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation.responses) main.append(call(path, method, operation, all));
    }
  }
} catch {
  main.append(element("p", "The description could not be loaded; please reload the page."));
}
