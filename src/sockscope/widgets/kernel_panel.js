// “你的内核与书”：一个按钮、一根进度条、结论。Lab 里由 anywidget 带来；书页里由 host.js 的同伴 kernel_host.js 带来。

/** 结论文件的下载链接。@param {string} report */
function download(report) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([report], {type: "application/json"}));
  link.download = "my-kernel.json";
  link.textContent = "下载结果（my-kernel.json），可以寄给本书的作者";
  return link;
}

function render({model, el}) {
  el.classList.add("sockscope-kernel-panel");
  const button = document.createElement("button");
  const bar = document.createElement("progress");
  const what = document.createElement("span");
  const found = document.createElement("div");
  button.type = "button";
  what.setAttribute("role", "status");
  bar.setAttribute("aria-label", "做完了多少");
  const row = document.createElement("p");
  row.append(button, " ", bar, " ", what);
  el.replaceChildren(row, found);

  let shown = null;
  const draw = () => {
    const {running, done, total, what: doing, html, report, error} = model.get("state");
    button.textContent = running ? "停下" : html ? "再比一遍" : "你的内核与书：全部再做一遍";
    bar.hidden = !running;
    bar.max = total;
    bar.value = done;
    what.textContent = running ? `${Math.floor((100 * done) / total)}%　${doing}` : error;
    if (html === shown) return;
    shown = html;
    found.innerHTML = html;
    if (report) found.append(download(report));
  };
  button.addEventListener("click", () => {
    const ask = model.get("state").running ? "halted" : "asked";
    model.set(ask, model.get(ask) + 1);
    model.save_changes();
  });
  model.on("change:state", draw);
  draw();
}

export default { render };
