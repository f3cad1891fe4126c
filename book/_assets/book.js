// 书页自己的一点行为：点亮“在 JupyterLab 中打开”，让宽表格能横着滚。
// 书由 make serve 提供时，服务器在页面里放一个 <script id="sockscope-server" type="application/json">；
// 静态网站和 file:// 上没有它，按钮就一直藏着。

/** @returns {{base: string, xsrf: string} | null} 提供本页的 Jupyter 服务器 */
function server() {
  const marker = document.getElementById("sockscope-server");
  return marker && JSON.parse(marker.textContent);
}

function lightLabButton() {
  const button = document.getElementById("open-in-lab");
  const notebook = document.querySelector('meta[name="sockscope-notebook"]');
  const host = server();
  if (!button || !notebook || !host) return;
  button.href = `${host.base}lab/tree/${notebook.content}`;
  button.hidden = false;
}

function wrapTables() {
  for (const table of document.querySelectorAll(".bd-article table")) {
    if (table.closest(".table-wrap, .pst-scrollable-table-container")) continue;
    const frame = Object.assign(document.createElement("div"), {className: "table-wrap"});
    table.replaceWith(frame);
    frame.append(table);
  }
}

// 横着滚得动的表和代码，键盘也要到得了；放得下的不占一次 Tab。走近了才做的（later.js），来了再看。
const WIDE = ".table-wrap, .pst-scrollable-table-container, .sockscope-grid, .sockscope-measured details div, .sa-panels > section, pre";

function reachWide() {
  const article = document.querySelector(".bd-article");
  if (!article) return;
  const reach = (frame) => {
    const wide = frame.scrollWidth > frame.clientWidth + 1;
    if (wide) frame.tabIndex = 0; else frame.removeAttribute("tabindex");
    if (frame.matches("pre")) return;
    frame.role = wide ? "group" : null;
    frame.ariaLabel = wide ? frame.querySelector("caption")?.textContent || "表" : null;
  };
  const sized = new ResizeObserver((seen) => { for (const {target} of seen) reach(target); });
  const watch = (root) => { for (const frame of root.querySelectorAll(WIDE)) sized.observe(frame); };
  watch(article);
  new MutationObserver((made) => { for (const {addedNodes} of made) for (const node of addedNodes) if (node.nodeType === 1) watch(node); })
    .observe(article, {childList: true, subtree: true});
}

// 折起来的小节：链接指向里面，就打开它；“全部展开”记在这台设备上。打印时都打开，见 print.js。
const folds = [...document.querySelectorAll("details.fold.part")];
const EVERY = "sockscope-unfold";

function openAround(target) {
  for (let at = target; at; at = at.parentElement) if (at.matches("details.fold")) at.open = true;
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  openAround(target);
  const own = target.querySelector(":scope > details.fold");
  if (own) own.open = true;
  target.scrollIntoView();
}

function foldParts() {
  const button = document.querySelector(".unfold-all button");
  if (!button) return;
  const show = (every) => {
    button.textContent = every ? "全部折起" : "全部展开";
    button.setAttribute("aria-pressed", every);
  };
  const remembered = () => { try { return localStorage.getItem(EVERY) === "1"; } catch { return false; } };
  const all = (every) => { for (const part of folds) part.open = every; show(every); };
  if (remembered()) all(true);
  button.addEventListener("click", () => {
    const every = button.getAttribute("aria-pressed") !== "true";
    all(every);
    try { localStorage.setItem(EVERY, every ? "1" : "0"); } catch { /* 不许存就不记 */ }
  });
  addEventListener("hashchange", openTarget);
  openTarget();
}

// 一格的链接：指到哪一格，它的右上角就有一个 #。全页共用这一个。
function linkCells() {
  const link = Object.assign(document.createElement("a"), {className: "cell-link", textContent: "#", title: "这一格的链接"});
  document.querySelector(".bd-article")?.addEventListener("mouseover", ({target}) => {
    const cell = target.closest("div.cell[id]"), place = cell?.querySelector(":scope > .cell_input");
    if (!place || link.parentElement === place) return;
    link.href = `#${cell.id}`;
    place.append(link);
  });
}

// 复制的按钮由主题的脚本造出来，只有图标：给它名字。
addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".copybtn")) button.setAttribute("aria-label", button.dataset.tooltip);
});

lightLabButton();
wrapTables();
reachWide();
foldParts();
linkCells();
