// The room, live: votes without a page load, similar statements while writing, counts and phases by
// the socket. Everything here also works as plain forms; this script only takes them over.
// It runs on plain http in a hall: no secure-context interfaces, no foreign host, no markup strings.

const root = document.getElementById("room");
const room = root.dataset.room;
const words = JSON.parse(root.dataset.words);
const csrf = document.querySelector('meta[name="csrf"]').content;
const byId = (id) => document.getElementById(id);
const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => String(values[name]));

// What is not acknowledged is kept under this session's name, so that nobody else's session sends it.
const shelf = `folkmoot:${room}:${csrf.slice(0, 16)}`;
const store = {
  read(name, fallback) {
    try { return JSON.parse(localStorage.getItem(`${shelf}:${name}`)) ?? fallback; } catch { return fallback; }
  },
  write(name, value) {
    try {
      if (value === null) localStorage.removeItem(`${shelf}:${name}`);
      else localStorage.setItem(`${shelf}:${name}`, JSON.stringify(value));
    } catch { /* A full or forbidden storage: the page itself still holds the text. */ }
  },
};

function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// One polite announcer; what comes close together is said together.
const status = byId("status");
let sayings = [];
let speaking = 0;
function say(text) {
  sayings.push(text);
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    status.className = "unseen"; // What it says is also written where it belongs.
    status.textContent = sayings.join(" ");
    sayings = [];
  }, 120);
}

const line = byId("line");
const troubles = new Map();
function trouble(name, text) {
  if (text) troubles.set(name, text); else troubles.delete(name);
  const told = [...troubles.values()].pop() ?? "";
  const had = line.textContent;
  line.textContent = told;
  line.hidden = !told;
  if (told && told !== had) say(told);
}

// Outbox: every write is kept until it is answered, and sent again under the same key.

let outbox = store.read("outbox", []);
let sending = false;
let attempt = 0;
const waiting = new Map();

function send(path, body) {
  const item = { key: freshKey(), path, body };
  outbox.push(item);
  store.write("outbox", outbox);
  return new Promise((resolve) => { waiting.set(item.key, resolve); flush(); });
}

async function flush() {
  if (sending || !outbox.length) return;
  sending = true;
  while (outbox.length) {
    const item = outbox[0];
    const answer = await deliver(item);
    if (answer.again) {
      trouble("unsent", words.unsent);
      attempt += 1;
      setTimeout(() => { sending = false; flush(); }, answer.again);
      return;
    }
    attempt = 0;
    trouble("unsent", "");
    outbox.shift();
    store.write("outbox", outbox.length ? outbox : null);
    waiting.get(item.key)?.(answer);
    waiting.delete(item.key);
  }
  sending = false;
}

async function deliver(item) {
  const pause = Math.min(30000, 1000 * 2 ** attempt) * (0.5 + Math.random());
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), 20000);
  try {
    const response = await fetch(`/api/rooms/${room}/${item.path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Idempotency-Key": item.key },
      body: JSON.stringify(item.body),
      signal: patience.signal,
    });
    if (response.status >= 500) return { again: pause };
    const text = await response.text();
    const data = text ? JSON.parse(text) : {};
    return response.ok ? { data } : { problem: data };
  } catch {
    return { again: pause };
  } finally {
    clearTimeout(timer);
  }
}

async function ask(path) {
  try {
    const response = await fetch(`/api/rooms/${room}/${path}`, { headers: { Accept: "application/json" } });
    return response.ok ? await response.json() : null;
  } catch { return null; }
}

// Voting

const ballot = byId("ballot");
const vote = byId("vote");
const undo = byId("undo");
const goal = Number(root.dataset.goal);
let voted = Number(root.dataset.voted);
let current = null;
let previous = null;
let changing = null;
let busy = false;

function shown() {
  const text = ballot.querySelector(".statement");
  return { id: ballot.dataset.statement, text: text.textContent, language: text.lang || null, origin: byId("origin").textContent.trim() };
}

function put(statement, choice) {
  current = statement;
  ballot.dataset.statement = statement.id;
  const text = ballot.querySelector(".statement");
  text.textContent = statement.text;
  if (statement.language) text.lang = statement.language; else text.removeAttribute("lang");
  byId("origin").firstElementChild.textContent = words.origins[statement.origin] ?? statement.origin;
  for (const field of ballot.querySelectorAll('input[name="statement_id"]')) field.value = statement.id;
  for (const button of vote.querySelectorAll(".choice")) {
    button.classList.toggle("chosen", button.value === choice);
    if (choice) button.setAttribute("aria-pressed", String(button.value === choice));
    else button.removeAttribute("aria-pressed");
  }
  byId("ballot-title").textContent = choice ? words.voted_already : words.question;
  byId("field-because").value = "";
  byId("because").open = false;
  ballot.classList.remove("arriving");
  requestAnimationFrame(() => ballot.classList.add("arriving"));
}

function progress() {
  const text = byId("progress-text");
  if (voted < goal) text.textContent = filled(words.progress, { n: voted, goal });
  else text.textContent = filled(words.enough, { n: voted });
  byId("progress-link").hidden = voted < goal;
  document.querySelectorAll("#progress rect").forEach((tick, i) => tick.setAttribute("class", i < voted ? "tick-done" : "tick-open"));
}

async function next(spoken) {
  const found = await ask("next");
  if (found === null) { trouble("next", words.offline); setTimeout(() => { trouble("next", ""); next(spoken); }, 3000); return; }
  byId("left").textContent = filled(words.left, { n: found.remaining });
  if (found.statement) {
    put(found.statement, null);
    say(`${spoken} ${words.next} ${found.statement.text}`.trim());
  } else {
    ballot.querySelector(".statement").textContent = words.none_left;
    ballot.querySelector(".statement").removeAttribute("lang");
    current = null;
    delete ballot.dataset.statement;
    vote.hidden = true;
    byId("skip").querySelector("button").hidden = true;
    say(`${spoken} ${words.none_left}`.trim());
  }
}

async function cast(choice) {
  if (busy || !current) return;
  busy = true;
  trouble("refused", "");
  const target = current;
  const because = byId("field-because").value.trim();
  const answer = await send("votes", because ? { statement_id: target.id, choice, because } : { statement_id: target.id, choice });
  busy = false;
  if (answer.problem) { refused(answer.problem); return; }
  const again = changing !== null || target.choice;
  if (!again) voted += 1;
  changing = null;
  previous = { ...target, choice };
  undo.hidden = false;
  byId("undo-text").textContent = `${words.voted[choice]} ${filled(words.receipt, { seq: answer.data.seq })}`;
  byId("undo-button").textContent = words.change;
  progress();
  await next(`${words.voted[choice]} ${words.recorded}`);
}

function refused(problem) {
  if (problem.status === 401) { location.assign("/return"); return; }
  trouble("refused", problem.detail ?? problem.title ?? "");
}

if (vote) {
  current = shown();
  const pressed = vote.querySelector('.choice[aria-pressed="true"]');
  if (pressed) current.choice = pressed.value;
  vote.addEventListener("submit", (event) => {
    event.preventDefault();
    const choice = event.submitter?.value;
    if (words.voted[choice]) cast(choice);
  });
  byId("skip").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy || !current) return;
    busy = true;
    const answer = await send("skip", { statement_id: current.id });
    busy = false;
    if (answer.problem) refused(answer.problem); else await next("");
  });
  byId("undo-button").addEventListener("click", () => {
    if (busy) return;
    if (changing) {
      put(changing, changing.choice ?? null);
      changing = null;
      byId("undo-button").textContent = words.change;
      return;
    }
    changing = current ?? { id: "", text: words.none_left, origin: "" };
    vote.hidden = false;
    put(previous, previous.choice);
    byId("undo-button").textContent = words.leave;
    say(`${words.again} ${previous.text}`);
  });
  const keys = byId("keys");
  byId("keys-field").hidden = false;
  keys.checked = store.read("keys", true);
  keys.addEventListener("change", () => store.write("keys", keys.checked));
  document.addEventListener("keydown", (event) => {
    if (!keys.checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest?.('input:not([type="checkbox"]), textarea, select, [contenteditable]')) return;
    const choice = { 1: "agree", 2: "disagree", 3: "pass" }[event.key];
    if (choice && !vote.hidden) { event.preventDefault(); cast(choice); }
  });
}

// Writing

const write = byId("write");
if (write) {
  const text = byId("field-text");
  const count = byId("hint-text");
  const list = byId("similar");
  const button = byId("send");
  const sent = byId("sent");
  const most = 280;
  let asked = 0;
  let timer = 0;
  button.textContent = words.send;
  if (!text.value) text.value = store.read("text", "");

  const length = () => [...text.value.normalize("NFC").trim()].length;
  const counted = () => {
    const n = length();
    count.textContent = filled(words.characters, { n, most });
    count.classList.toggle("over", n > most);
  };
  const wrong = (message) => {
    byId("problem-text")?.remove();
    text.removeAttribute("aria-invalid");
    text.setAttribute("aria-describedby", "hint-text");
    if (!message) return;
    const told = document.createElement("p");
    told.className = "problem";
    told.id = "problem-text";
    told.textContent = message;
    text.after(told);
    text.setAttribute("aria-invalid", "true");
    text.setAttribute("aria-describedby", "problem-text hint-text");
    text.focus();
  };
  const showSimilar = (found) => {
    list.replaceChildren();
    list.hidden = !found.length;
    if (!found.length) return;
    const lead = document.createElement("p");
    lead.className = "strong";
    lead.textContent = words.similar;
    const items = document.createElement("ul");
    items.className = "statements";
    for (const each of found.slice(0, 3)) {
      const item = document.createElement("li");
      const said = document.createElement("p");
      said.className = "statement";
      said.dir = "auto";
      if (each.language) said.lang = each.language;
      said.textContent = each.text;
      item.append(said);
      if (vote) {
        const link = document.createElement("a");
        link.href = `/rooms/${room}?statement=${encodeURIComponent(each.id)}`;
        link.textContent = words.vote_instead;
        item.append(link);
      }
      items.append(item);
    }
    list.append(lead, items);
    say(`${words.similar} ${found.length}`);
  };
  const look = async (again) => {
    const mine = ++asked;
    if (length() < 12) { showSimilar([]); return; }
    const found = await ask(`similar?text=${encodeURIComponent(text.value.trim())}`);
    if (mine !== asked || !found) return;
    showSimilar(found.statements ?? []);
    // A room's index may still be growing: look once more.
    if (!again && !found.statements.length) timer = setTimeout(() => look(true), 3000);
  };
  text.addEventListener("input", () => {
    counted();
    wrong("");
    sent.hidden = true;
    store.write("text", text.value || null);
    clearTimeout(timer);
    timer = setTimeout(() => look(false), 600);
  });
  if (text.value) { counted(); look(false); }

  write.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    clearTimeout(timer);
    asked += 1;
    const given = text.value;
    const answer = await send("statements", { text: given, language: byId("field-language").value || null });
    button.removeAttribute("aria-disabled");
    if (answer.problem) { wrong(answer.problem.detail ?? answer.problem.title); return; }
    if (text.value === given) { text.value = ""; store.write("text", null); }
    counted();
    showSimilar([]);
    sent.textContent = `${answer.data.status === "pending" ? words.waiting : words.sent} ${filled(words.receipt, { seq: answer.data.seq })}`;
    sent.hidden = false;
    say(sent.textContent);
  });
}

flush();

// The socket: counts, phases, notices. It has its own ping, since a line can be dead and silent.

let seq = Number(root.dataset.seq);
let socket = null;
let failures = 0;
let retry = 1000;
let heard = 0;
let asleep = 0;
const FINAL = new Set([4401, 4403, 4404, 4409]);

function connect() {
  clearTimeout(asleep);
  if (socket && socket.readyState < 2) return;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const mine = new WebSocket(`${scheme}//${location.host}/live/rooms/${room}?after=${seq}`);
  socket = mine;
  heard = Date.now();
  mine.onmessage = (event) => {
    heard = Date.now();
    trouble("line", "");
    receive(JSON.parse(event.data));
  };
  mine.onclose = (event) => {
    if (mine !== socket) return;
    if (FINAL.has(event.code)) { trouble("line", ""); return; }
    failures += 1;
    if (failures > 1) trouble("line", words.offline);
    asleep = setTimeout(connect, Math.min(30000, retry * 2 ** Math.min(failures, 5)) * (0.5 + Math.random()));
  };
}

setInterval(() => {
  if (!socket || socket.readyState > 1) return;
  const quiet = Date.now() - heard;
  if (quiet > 30000) {
    const dead = socket;
    socket = null;
    dead.onmessage = dead.onclose = null;
    dead.close();
    trouble("line", words.offline);
    connect();
  } else if (quiet > 12000 && socket.readyState === 1) {
    socket.send('{"type":"ping"}');
  }
}, 4000);
addEventListener("online", () => {
  failures = 0;
  if (socket?.readyState === 1) socket.send('{"type":"ping"}'); else connect();
  flush();
});
addEventListener("offline", () => trouble("line", words.offline));
document.addEventListener("visibilitychange", () => { if (!document.hidden) { connect(); flush(); } });

function receive(frame) {
  if (frame.prev > seq) { socket.close(); return; }
  if (frame.seq > seq && frame.type !== "hello") seq = frame.seq;
  switch (frame.type) {
    case "hello":
      failures = 0;
      retry = frame.retry_ms || 1000;
      flush();
      break;
    case "snapshot":
      seq = frame.room.seq;
      tally(frame.room.tally);
      moved(frame.room.phase);
      break;
    case "tally": tally(frame); break;
    case "presence":
      byId("presence").hidden = false;
      byId("presence-here").textContent = frame.here;
      break;
    case "phase": moved(frame.phase); break;
    case "notice": noticed(frame.notice.text); break;
    case "drafts": if (frame.drafts) offer(words.drafts, `/rooms/${room}/drafts`); break;
    case "analysis": if (voted >= goal && frame.as_of_seq > Number(root.dataset.analysis)) offer(words.analysis, `/rooms/${room}/map`); break;
    case "statement":
      if (vote && !current && !busy && !changing) { vote.hidden = false; next(""); }
      else if (ballot && !vote) offer(words.fresh, `/rooms/${room}`);
      break;
    case "statement.moderated":
    case "statement.erased":
      if (vote && current && !busy && !changing && frame.hidden && [frame.statement_id, ...(frame.statement_ids ?? [])].includes(current.id)) next("");
      break;
  }
}

function tally(counts) {
  for (const name of ["voters", "votes", "statements"]) byId(`tally-${name}`).textContent = counts[name];
}

function noticed(text) {
  const item = document.createElement("li");
  item.className = "note";
  const said = document.createElement("p");
  said.dir = "auto";
  said.textContent = text;
  item.append(said);
  byId("notices").append(item);
  byId("notices").hidden = false;
  say(`${words.notice} ${text}`);
}

function offer(text, href) {
  const offers = byId("offers");
  offers.hidden = false;
  const item = document.createElement("p");
  item.className = "row";
  const link = document.createElement("a");
  link.href = href;
  link.textContent = words.reload;
  item.append(text, " ", link);
  offers.replaceChildren(item);
  say(text);
}

function moved(phase) {
  if (phase === root.dataset.phase) return;
  root.dataset.phase = phase;
  if (vote) vote.hidden = byId("skip").hidden = phase !== "open";
  offer(words.phase, `/rooms/${room}`);
}

connect();
