// 点图里的一个事件（或用 Tab、回车），下面说它是什么；Esc 或点空处收起。
const events = JSON.parse(document.getElementById("events").textContent);
const told = document.getElementById("told");

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

const chosen = (event) => {
  const target = event.target.closest("[data-event]");
  return target ? Number(target.dataset.event) : null;
};
for (const g of document.querySelectorAll("[data-event]")) g.setAttribute("tabindex", "0");
addEventListener("click", (event) => { if (!event.target.closest("#told, a, details")) show(chosen(event)); });
addEventListener("keydown", (event) => {
  if (event.key === "Escape") show(null);
  if ((event.key === "Enter" || event.key === " ") && chosen(event) !== null) {
    event.preventDefault();
    show(chosen(event));
  }
});
