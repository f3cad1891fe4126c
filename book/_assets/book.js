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

// html-manager 还在找 MathJax 2 的 Hub；MathJax 3 没有它，给它一个什么也不做的。
if (window.MathJax) window.MathJax.Hub ??= {Queue() {}};

lightLabButton();
wrapTables();
