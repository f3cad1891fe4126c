// 地址的字节：一个输入框，几个样例，下面是内核那边算好的字节图。这里什么也不算。

function render({ model, el }) {
  el.innerHTML = `<div class="sa">
    <label>地址，或一段十六进制的字节<input class="sa-text" type="text" spellcheck="false" autocomplete="off"></label>
    <div class="sa-samples" role="group" aria-label="样例"></div>
    <div class="sa-view" aria-live="polite"></div></div>`;
  const input = el.querySelector(".sa-text");
  const view = el.querySelector(".sa-view");
  const buttons = model.get("samples").map(([text, why]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = why;
    button.textContent = text;
    button.addEventListener("click", () => ask((input.value = text)));
    return [text, button];
  });
  el.querySelector(".sa-samples").append(...buttons.map(([, button]) => button));

  const ask = (text) => {
    model.set("text", text);
    model.save_changes();
    mark();
  };
  const mark = () => buttons.forEach(([text, button]) => button.setAttribute("aria-pressed", String(text === input.value)));
  const draw = () => { view.innerHTML = model.get("html"); };

  input.value = model.get("text");
  input.addEventListener("input", () => ask(input.value));
  model.on("change:html", draw);
  mark();
  draw();
  return () => model.off("change:html", draw);
}

export default { render };
