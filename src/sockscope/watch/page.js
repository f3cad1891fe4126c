// 点图里的一个事件（或用 Tab、回车），下面说它是什么；Esc 或点空处收起。
const events = JSON.parse(document.getElementById("events").textContent);
const told = document.getElementById("told");
const LISTED = 200; // 折起来的一段至多列出这么多件

function show(index) {
  for (const g of document.querySelectorAll(".selected")) g.classList.remove("selected");
  told.hidden = index === null;
  if (index === null) return;
  for (const g of document.querySelectorAll(`[data-event="${index}"]`)) g.classList.add("selected");
  const { title, lines, hex } = events[index];
  const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  told.replaceChildren(make("h2", title), ...lines.map((line) => make("p", line)), ...(hex ? [make("pre", hex)] : []));
  told.scrollTop = 0;
}

/** 折起来的一段：里面的事一件一行，点哪一件就说哪一件。 */
function unfold(band) {
  show(null);
  const indices = band.dataset.events.split(" ").map(Number), list = document.createElement("ol");
  const head = Object.assign(document.createElement("h2"), { textContent: `折起来的 ${indices.length} 件事` });
  for (const index of indices.slice(0, LISTED)) {
    const go = Object.assign(document.createElement("button"), { type: "button", textContent: events[index].title });
    go.addEventListener("click", () => show(index));
    list.append(document.createElement("li"));
    list.lastChild.append(go);
  }
  band.classList.add("selected");
  told.replaceChildren(head, list);
  told.hidden = false;
}

/** 点到的是什么，就说什么；什么也不是，返回 false。 */
function answer(event) {
  const target = event.target.closest("[data-event], [data-events]");
  if (target?.dataset.events) unfold(target);
  else if (target) show(Number(target.dataset.event));
  return Boolean(target);
}

for (const g of document.querySelectorAll("[data-event], [data-events]")) g.setAttribute("tabindex", "0");
addEventListener("click", (event) => {
  if (!event.target.closest("#told, a, details") && !answer(event)) show(null);
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") show(null);
  if ((event.key === "Enter" || event.key === " ") && !event.target.closest("#told") && answer(event)) event.preventDefault();
});
