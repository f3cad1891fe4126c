// 停在书里的一个链接上（鼠标或焦点），就给出那一节、那个术语的头几句；来源是检索的索引，用到才取。

(() => {
  const WAIT = 250, ROOM = 160; // 毫秒；字
  const ROOT = new URL("..", document.currentScript.src).href;
  const box = Object.assign(document.createElement("div"), {className: "preview", id: "preview", hidden: true});
  box.setAttribute("role", "tooltip");
  let turn = 0;

  const article = document.querySelector(".bd-article");
  if (!article || !window.sockscopeSearchReady) return;
  document.body.append(box);

  /** 链接指着的那一节；不是书里的一节，则为 undefined。 */
  async function target({href}) {
    const url = new URL(href), here = url.href.startsWith(ROOT) && url.pathname.endsWith(".html");
    if (!here) return undefined;
    const page = decodeURIComponent(url.href.slice(ROOT.length)).split(/[?#]/)[0].slice(0, -5), anchor = decodeURIComponent(url.hash.slice(1));
    const {sections} = await window.sockscopeSearchReady();
    return sections.find((one) => one.page === page && one.anchor === anchor);
  }

  async function show(link) {
    const mine = ++turn;
    await new Promise((resolve) => setTimeout(resolve, WAIT));
    const section = mine === turn ? await target(link).catch(() => undefined) : undefined;
    if (mine !== turn || !section?.text || !link.isConnected) return;
    const title = Object.assign(document.createElement("b"), {textContent: section.title});
    const where = Object.assign(document.createElement("small"), {textContent: section.kind || section.book});
    const text = section.text.length > ROOM ? `${section.text.slice(0, ROOM)}…` : section.text;
    box.replaceChildren(title, where, Object.assign(document.createElement("p"), {textContent: text}));
    box.hidden = false;
    const {left, bottom, top} = link.getBoundingClientRect(), {width, height} = box.getBoundingClientRect();
    const below = bottom + 8 + height < innerHeight;
    Object.assign(box.style, {left: `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`,
      top: `${below ? bottom + 8 : Math.max(8, top - height - 8)}px`});
    link.setAttribute("aria-describedby", box.id);
  }

  function hide() {
    turn += 1;
    box.hidden = true;
    document.querySelector('[aria-describedby="preview"]')?.removeAttribute("aria-describedby");
  }

  const linked = ({target: at}) => at.closest?.(".bd-article a[href]:not(.headerlink, .doors a)");
  const begin = (event) => { const link = linked(event); if (link) show(link); };
  article.addEventListener("focusin", begin);
  article.addEventListener("focusout", hide);
  if (matchMedia("(hover: hover)").matches) {
    article.addEventListener("mouseover", begin);
    article.addEventListener("mouseout", (event) => { if (linked(event)) hide(); });
  }
  addEventListener("keydown", ({key}) => { if (key === "Escape") hide(); });
  addEventListener("scroll", () => { if (!box.hidden) hide(); }, {passive: true});
})();
