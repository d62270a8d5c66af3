const list = document.getElementById("rank");
const status = document.getElementById("status");
function places() {
[...list.children].forEach((item, i) => { item.querySelector("select").value = String(i + 1); });
}
list.addEventListener("click", (event) => {
const button = event.target.closest("button[data-move]");
if (!button) return;
event.preventDefault();
const item = button.closest("li");
const other = button.dataset.move === "up" ? item.previousElementSibling : item.nextElementSibling;
if (other) {
if (button.dataset.move === "up") other.before(item); else other.after(item);
button.focus();
}
places(); // Whoever presses Up on what stands first means that it is first.
const place = [...list.children].indexOf(item) + 1;
status.textContent = list.dataset.moved.replace("%(letter)s", item.dataset.letter).replace("%(n)s", place);
});
