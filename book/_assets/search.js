// 检索的界面：弹出的框（按 / 或 Ctrl + K）、搜索页、404 页共用。引擎与索引在读者开始搜的时候才取，用 <script> 取，file:// 上也行。
// 键盘：↓ ↑ 在结果里走，Enter 打开，Esc 关掉。结果的地址带着 ?found=，到了那一页，标出那一节和找的词。

(() => {
  const HERE = document.currentScript.src;
  const ROOT = new URL("..", HERE);
  const FEW = 8, MANY = 30;
  let coming = null;

  const make = (tag, fields = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), fields);
    node.append(...children);
    return node;
  };

  function script(name) {
    return new Promise((resolve, reject) => {
      const node = make("script", {src: new URL(name, HERE).href, onload: resolve});
      node.onerror = () => reject(new Error("检索的索引没有取到，请刷新本页再试。"));
      document.head.append(node);
    });
  }

  /** 取来引擎和索引，只取一次。 */
  async function engine() {
    const [packed] = await Promise.all([
      new Promise((resolve, reject) => { window.sockscopeSearchIndex = resolve; script("search-index.js").catch(reject); }),
      script("search_engine.js")]);
    const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return window.sockscopeSearch(JSON.parse(await new Response(plain).text()));
  }
  const ready = () => (coming ??= engine().catch((problem) => { coming = null; throw problem; }));
  window.sockscopeSearchReady = ready;

  // -------------------------------------------------------------- 结果

  const pieces = (cut) => cut.map(([text, hit]) => (hit ? make("mark", {textContent: text}) : text));

  /** 文字里出现的词，标在到达的那一页上：至多六个不同的。 */
  function seen({section}, {marks}, words) {
    const found = new Set();
    for (const text of [section.title, section.lines, section.text]) {
      for (const [from, to] of marks(text, words)) if (found.size < 6) found.add(text.slice(from, to));
    }
    return [...found];
  }

  function result(hit, found, words) {
    const {section} = hit;
    const words_ = seen(hit, found, words);
    const query = words_.length ? `?found=${encodeURIComponent(words_.join("\n"))}` : "";
    const link = make("a", {href: `${ROOT}${section.page}.html${query}${section.anchor ? `#${section.anchor}` : ""}`});
    const title = found.marks(section.title, words);
    let at = 0;
    const cut = [];
    for (const [from, to] of title) if (from >= at) { cut.push([section.title.slice(at, from), false], [section.title.slice(from, to), true]); at = to; }
    cut.push([section.title.slice(at), false]);
    const where = section.anchor ? [section.book, section.kind ? "" : section.above].filter(Boolean).join(" › ") : "整章";
    link.append(
      make("span", {className: "title"}, ...pieces(cut.filter(([text]) => text))),
      make("span", {className: "where"}, ...(section.kind ? [make("b", {textContent: section.kind}), " "] : []), where),
      make("span", {className: "excerpt"}, ...pieces(found.excerpt(hit, words))));
    return make("li", {}, link);
  }

  /** 一个输入框，和它的结果。panel 里先是说明（朗读的人也听得到），再是列表。 */
  function attach(form, panel, page) {
    const input = form.querySelector("input");
    const status = make("p", {className: "search-status"});
    status.setAttribute("role", "status");
    const list = make("ol", {className: "search-list"});
    const more = make("p", {className: "search-more"});
    panel.replaceChildren(status, list, more);
    let asked = 0, limit = page ? MANY : FEW;
    const links = () => [...list.querySelectorAll("a"), ...more.querySelectorAll("a, button")];

    async function show() {
      const query = input.value.trim();
      const turn = ++asked;
      if (page?.address) history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : location.pathname);
      if (!query) { list.replaceChildren(); more.replaceChildren(); status.textContent = ""; return; }
      if (!list.childElementCount) status.textContent = "正在取索引…";
      let found;
      try { found = await ready(); } catch (problem) { status.textContent = problem.message; return; }
      if (turn !== asked) return;
      const {hits: all, words, loose} = found.find(query);
      const named = page && !page.address ? found.pages(query) : [];  // 404：先是名字像的那一页
      const hits = [...named, ...all.filter((hit) => !named.some((one) => one.section === hit.section))];
      list.replaceChildren(...hits.slice(0, limit).map((hit) => result(hit, found, words)));
      status.textContent = !hits.length ? "书里没有这些字。换一个说法，少写几个字，或者翻索引。"
        : loose ? `没有一处同时有这几个词；最接近的有 ${hits.length} 处。` : `${hits.length} 处。`;
      more.replaceChildren(...(hits.length > limit ? [page
        ? make("button", {type: "button", className: "btn btn-sm", textContent: `再显示 ${Math.min(MANY, hits.length - limit)} 处`,
          onclick: () => { limit += MANY; show(); }})
        : make("a", {href: `${ROOT}search.html?q=${encodeURIComponent(query)}`, textContent: `全部 ${hits.length} 处`})]
        : hits.length ? [] : [make("a", {href: `${ROOT}genindex.html`, textContent: "索引"})]));
    }

    input.addEventListener("focus", () => ready().catch(() => {}), {once: true});
    input.addEventListener("input", () => { if (page) limit = MANY; show(); });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await show();
      const first = list.querySelector("a");
      if (first && !page) first.click();
    });
    panel.parentElement.addEventListener("keydown", (event) => {
      const all = links(), at = all.indexOf(document.activeElement);
      const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
      if (step && (at >= 0 || document.activeElement === input)) {
        event.preventDefault();
        (at + step < 0 ? input : all[at + step])?.focus();
      } else if (at >= 0 && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) {
        input.focus();  // 在结果里接着打字
      }
    });
    list.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      const to = link && new URL(link.href);
      if (!to || to.pathname !== location.pathname || event.ctrlKey || event.metaKey || event.shiftKey || page) return;
      event.preventDefault();  // 就在这一页
      panel.closest("dialog")?.close();
      if (to.hash) location.hash = to.hash; else scrollTo(0, 0);
      requestAnimationFrame(() => arrive(to));
    });
    return show;
  }

  // -------------------------------------------------------------- 到了

  /** 标出那一节和找的词；第一个词在一屏以外，就滚到它。 */
  function arrive(url) {
    const words = (url.searchParams.get("found") ?? "").split("\n").filter(Boolean);
    const target = document.getElementById(decodeURIComponent(url.hash.slice(1)));
    for (const old of document.querySelectorAll(".found-here")) old.classList.remove("found-here");
    if (target) target.classList.add("found-here");
    const scope = target ?? document.querySelector(".bd-article");
    if (scope) window.sockscopeArrived?.(scope);
    if (!words.length || !scope || !window.CSS?.highlights) return;
    const forms = words.map((word) => word.toLowerCase());
    const ranges = [];
    const walker = document.createTreeWalker(scope, NodeFilter.SHOW_TEXT, (node) =>
      node.parentElement.closest("svg, style, script, .headerlink") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    while (walker.nextNode() && ranges.length < 200) {
      const low = walker.currentNode.data.toLowerCase();
      for (const form of forms) for (let at = low.indexOf(form); at >= 0; at = low.indexOf(form, at + form.length)) {
        const range = new Range();
        range.setStart(walker.currentNode, at);
        range.setEnd(walker.currentNode, at + form.length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
    const shown = ranges.filter((range) => range.getClientRects().length);
    const first = shown[0]?.getBoundingClientRect();
    if (first && first.top > innerHeight) scrollBy({top: first.top - innerHeight / 3, behavior: "instant"});
  }

  function forget() {
    window.CSS?.highlights?.delete("found");
    for (const old of document.querySelectorAll(".found-here")) old.classList.remove("found-here");
  }

  // -------------------------------------------------------------- 开始

  function start() {
    const dialog = document.getElementById("pst-search-dialog");
    if (dialog) {
      const panel = make("div", {className: "search-panel"});
      dialog.append(panel);
      attach(dialog.querySelector("form"), panel, null);
    }
    const box = document.querySelector("form.symptom-box"); // 首页：贴一行报错
    if (box) attach(box, document.querySelector(".symptom-results"), null);
    const results = document.getElementById("search-results");
    if (results) {
      const lost = document.body.classList.contains("lost");
      const form = document.querySelector("main form.bd-search");
      const show = attach(form, results, {address: !lost});
      const input = form.querySelector("input");
      if (!lost) { input.value = new URLSearchParams(location.search).get("q") ?? ""; input.focus(); show(); }
    }
    const here = new URL(location.href);
    if (here.searchParams.has("found")) {
      requestAnimationFrame(() => {
        arrive(here);
        here.searchParams.delete("found");
        history.replaceState(null, "", here);
      });
    }
    addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input, textarea, select, [contenteditable], .cm-editor, .ss");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        const field = results && document.querySelector("main form.bd-search input");
        if (field) field.focus(); else document.querySelector(".search-button__button")?.click();
      } else if (event.key === "Escape" && !dialog?.open) forget();
    });
  }

  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start); else start();
})();
