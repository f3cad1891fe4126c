// 看到才做：图从这一页的包里来，代码的颜色照 data-tokens 上（ext/later.py）。离屏幕还有一段路就动手，读者看不到它们来。

(() => {
  const PACK = `figures/${document.currentScript.dataset.page}`;
  const NARROW = 692; // 容器比这更窄就用窄图，像素
  const figures = [...document.querySelectorAll(".ss-later")], codes = [...document.querySelectorAll("pre[data-tokens]")];
  const parts = [...document.querySelectorAll(".ss-part")];
  let every = null; // 取来的包
  let onPaper = false; // 正在打印：都用宽图

  /** 这个位置现在该放哪一版：0 是宽的。 */
  function shape(place, shapes) {
    return !onPaper && shapes.length > 1 && place.parentElement.clientWidth < NARROW ? 1 : 0;
  }

  function draw(place) {
    if (!every || !place.isConnected) return;
    const shapes = JSON.parse(every.get(place.dataset.figure)), wanted = shape(place, shapes);
    if (place.dataset.shape === String(wanted)) return;
    place.dataset.shape = wanted;
    place.innerHTML = shapes[wanted];
  }

  /** 取来这一页的图；取不到，图的位置上说一句。 */
  async function fetched(place) {
    try {
      every ??= await window.sockscopePacks.pack(PACK);
      draw(place);
      if (!place.closest(".sockscope-explorer, .sockscope-puzzle")) take(place);
      resized.observe(place.parentElement);
    } catch ({message}) {
      place.textContent = `图${message}`;
    }
  }

  /** 图下面的一行：带走它。它的链接是这张图、这一格或这一节的。 */
  function take(place) {
    const named = place.closest("figure[id], div.cell[id], section[id]"), name = `${PACK.split("/").at(-1)}-${place.dataset.figure}`;
    const svg = () => place.querySelector("svg");
    window.sockscopeTake?.(place.parentElement, {name, svg, link: () => `${location.href.split("#")[0]}#${named?.id ?? ""}`,
      text: () => svg().querySelector("desc")?.textContent ?? svg().getAttribute("aria-label") ?? ""});
  }

  const resized = new ResizeObserver((seen) => {
    for (const {target} of seen) for (const place of target.querySelectorAll(":scope > .ss-later[data-shape]")) draw(place);
  });

  /** 一段代码上色：“字数＋类名”一个挨一个。 */
  function colour(code) {
    const text = code.textContent, parts = [];
    let at = 0;
    for (const token of code.dataset.tokens.split(" ")) {
      const long = parseInt(token, 10), kind = token.slice(String(long).length), piece = text.slice(at, at += long);
      parts.push(kind ? Object.assign(document.createElement("span"), {className: kind, textContent: piece}) : piece);
    }
    delete code.dataset.tokens;
    code.replaceChildren(...parts);
  }

  /** 写在 noscript 里的一段，做成节点。 */
  function unfold(part) {
    part.innerHTML = part.firstElementChild.textContent;
    part.removeAttribute("style");
    part.className = "";
  }

  /** 打开“真的发生过的一次”：取来那条录制的图。 */
  async function happened({target}) {
    if (!target.open || !target.dataset?.recording) return;
    const [name, key] = target.dataset.recording.split(/\/(.*)/), place = document.createElement("div");
    delete target.dataset.recording;
    target.append(place);
    place.textContent = "正在取图。";
    try {
      const found = await window.sockscopePacks.unpacked(`recordings/${name}`, key);
      place.innerHTML = place.clientWidth < NARROW ? found.narrow : found.wide;
    } catch ({message}) {
      place.textContent = `图${message}`;
    }
  }

  /** 走近了；检索带读者来时已经做好的，不再做。 */
  function make(target) {
    if (target.matches(".ss-part")) unfold(target);
    else if (target.matches(".ss-later")) fetched(target);
    else if (target.dataset.tokens) colour(target);
  }

  /** 离屏幕还有这么远，就动手。 */
  function watch(places, far) {
    const near = new IntersectionObserver((seen) => {
      for (const {isIntersecting, target} of seen) if (isIntersecting) { near.unobserve(target); make(target); }
    }, {rootMargin: `${far}px 0px`});
    for (const place of places) near.observe(place);
  }
  watch([...figures, ...codes], 300);
  watch(parts, 1500); // 里面有按钮和链接：Tab 键走到的时候要在
  document.addEventListener("toggle", happened, true);

  /** 读者要在页里找字（Ctrl + F），或者要打印：没有做出来的文字现在都做出来。 */
  function unfoldAll() { for (const part of parts) if (part.className) unfold(part); }

  /** 检索带读者到了 section：里面的文字和代码现在就做出来，好标出找的词。 */
  window.sockscopeArrived = (section) => {
    for (const part of parts) if (part.className && section.contains(part)) unfold(part);
    for (const code of codes) if (code.dataset.tokens && section.contains(code)) colour(code);
  };
  addEventListener("keydown", ({key, ctrlKey, metaKey}) => { if ((ctrlKey || metaKey) && key === "f") unfoldAll(); });

  // 打印：整页一起做好，都用宽图。包在空闲的时候先取来，打印的那一刻来不及等。
  window.sockscopeFetched = async () => { if (figures.length) every ??= await window.sockscopePacks.pack(PACK).catch(() => null); };
  addEventListener("load", () => setTimeout(window.sockscopeFetched, 1000));
  addEventListener("beforeprint", () => {
    onPaper = true;
    unfoldAll();
    for (const code of codes) if (code.dataset.tokens) colour(code);
    for (const place of figures) draw(place);
  });
  addEventListener("afterprint", () => {
    onPaper = false;
    for (const place of figures) if (place.dataset.shape) draw(place);
  });
})();
