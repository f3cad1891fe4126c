// 记性：读到哪里、预测题第一次怎样答，记在这台设备上（localStorage），哪里也不发送。“我的进度”一页看得到全部，可以导出、导入、清空。

(() => {
  const KEPT = "sockscope-memory", PUZZLES = "sockscope-puzzles";
  const SAYS = {right: "第一次就对", wrong: "第一次没有答对"};
  const ROOT = new URL("..", document.currentScript.src).href, PAGE = document.currentScript.dataset.page;
  const recall = (key) => { try { return JSON.parse(localStorage.getItem(key)) ?? {}; } catch { return {}; } };
  const write = (key, value) => { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* 这台设备不许存：这一次还记得，下一次就忘了 */ } };
  const memory = {pages: {}, ...recall(KEPT)};
  const keep = () => write(KEPT, memory);

  function make(tag, props = {}, ...children) {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  }
  const button = (text, onclick) => make("button", {type: "button", onclick, className: "btn btn-sm"}, text);
  const link = (text, page, anchor = "") => make("a", {href: `${ROOT}${page}.html${anchor && `#${anchor}`}`}, text);

  // ---------------------------------------------------------------- 这一页

  const quizzes = [...document.querySelectorAll(".bd-article .sockscope-quiz[id]")];
  const parts = [...document.querySelectorAll(".bd-article > section > section")];
  const mine = () => (memory.pages[PAGE] ??= {title: document.querySelector("h1")?.firstChild?.textContent ?? PAGE, parts: [], answers: {}});

  function begin() {
    Object.assign(mine(), {of: parts.length, asked: Object.fromEntries(quizzes.map((quiz) => [quiz.id, quiz.querySelector("p").textContent]))});
    memory.last = {page: PAGE};
    document.addEventListener("toggle", ({target}) => {
      const quiz = target.open && target.closest(".sockscope-quiz[id]");
      if (!quiz) return;
      mine().answers[quiz.id] ??= target.querySelector(".right") ? "right" : "wrong";
      keep();
      next();
    }, true);
    const reading = new IntersectionObserver((seen) => {
      for (const {isIntersecting, target} of seen) {
        const place = parts.indexOf(target.closest("section"));
        if (!isIntersecting || mine().parts.includes(place)) continue;
        mine().parts.push(place);
        memory.last = {page: PAGE, anchor: parts[place].id, title: target.firstChild.textContent};
        keep();
        mark();
        next();
      }
    });
    for (const part of parts) reading.observe(part.querySelector("h2"));
  }

  // ---------------------------------------------------------------- 目录里的进度

  const share = ({parts: read, of}) => (of ? `${read.length}/${of}` : "");

  function mark() {
    for (const entry of document.querySelectorAll(".bd-docs-nav li > a.reference")) {
      const page = entry.href.startsWith(ROOT) ? entry.href.slice(ROOT.length).split(/[?#]/)[0].slice(0, -5) : "", told = memory.pages[page];
      entry.querySelector(".read")?.remove();
      if (!told?.of || !told.parts.length) continue;
      const whole = told.parts.length >= told.of;
      entry.append(make("span", {className: "read", title: whole ? "读完了" : `读到 ${share(told)}`}, whole ? "✓" : share(told)));
    }
  }

  // ---------------------------------------------------------------- 下一步

  const wrongs = (told) => Object.keys(told.asked ?? {}).filter((id) => told.answers[id] === "wrong");
  const box = make("aside", {className: "next-step"});

  /** 一页的末尾：还没有答的、答错的、这一章的谜题。 */
  function next() {
    const told = mine(), asked = Object.keys(told.asked ?? {}), done = asked.filter((id) => told.answers[id]);
    const chapter = PAGE.match(/^chapters\/(\d\d)_/)?.[1];
    if (!chapter) return;
    const items = [];
    if (asked.length > done.length) items.push(make("li", {}, `还有 ${asked.length - done.length} 道预测没有答：`,
      link("去答", PAGE, asked.find((id) => !told.answers[id]))));
    for (const id of wrongs(told)) items.push(make("li", {}, "答错过：", link(told.asked[id], PAGE, id)));
    if (Number(chapter) > 0) items.push(make("li", {}, link(`第 ${chapter} 章的谜题`, Number(chapter) < 8 ? "book/puzzles" : "book/puzzles_2", `set-${chapter}`)));
    items.push(make("li", {}, link("我的进度", "book/progress")));
    box.replaceChildren(make("h2", {}, "下一步"), make("ul", {}, ...items));
    if (!box.isConnected) document.querySelector(".bd-article")?.append(box);
  }

  // ---------------------------------------------------------------- 我的进度

  function progress(place) {
    const told = Object.entries(memory.pages).filter(([, {of}]) => of), puzzles = Object.values(recall(PUZZLES));
    const row = ([page, one]) => {
      const asked = Object.keys(one.asked ?? {}), right = asked.filter((id) => one.answers[id] === "right").length;
      return make("tr", {}, make("td", {}, link(one.title, page)), make("td", {}, one.parts.length >= one.of ? "读完了" : share(one)),
        make("td", {}, asked.length ? `${asked.length} 道，答过 ${asked.filter((id) => one.answers[id]).length}，第一次就对 ${right}` : "没有预测题"));
    };
    const heads = ["页", "读到", "预测"].map((text) => make("th", {scope: "col"}, text));
    const review = told.flatMap(([page, one]) => wrongs(one).map((id) => make("li", {}, link(one.asked[id], page, id), `（${one.title}）`)));
    const file = make("input", {type: "file", accept: "application/json", hidden: true, onchange: () => take(file.files[0])});
    place.replaceChildren(
      told.length ? make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...told.sort().map(row))) : make("p", {}, "还没有读过哪一页。"),
      make("p", {}, puzzles.length ? `谜题答过 ${puzzles.length} 道，第一次就对的 ${puzzles.filter((said) => said === "right").length} 道。` : "谜题还没有答过。"),
      make("h2", {}, "答错过的"), review.length ? make("ul", {}, ...review) : make("p", {}, "没有。"),
      make("p", {className: "memory-tools"}, button("导出", save), button("导入", () => file.click()), button("全部忘掉", forget), file),
      make("p", {role: "status", className: "memory-said"}));
  }

  const say = (text) => { document.querySelector(".memory-said").textContent = text; };

  function save() {
    const url = URL.createObjectURL(new Blob([JSON.stringify({memory, puzzles: recall(PUZZLES)}, null, 1)], {type: "application/json"}));
    make("a", {href: url, download: "sockscope-progress.json"}).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  async function take(file) {
    try {
      const {memory: {pages, last}, puzzles = {}} = JSON.parse(await file.text());
      for (const one of Object.values(pages)) if (!Array.isArray(one.parts) || typeof one.answers !== "object") throw new Error();
      Object.assign(memory, {pages, last});
      keep();
      write(PUZZLES, puzzles);
      progress(document.querySelector(".my-progress"));
      mark();
      say("导入了。");
    } catch { say("这个文件不是从这里导出的，什么也没有改。"); }
  }

  function forget() {
    if (!confirm("忘掉这台设备上的全部进度和答案？")) return;
    for (const key of [KEPT, PUZZLES]) { try { localStorage.removeItem(key); } catch { /* 本来就没有 */ } }
    Object.assign(memory, {pages: {}, last: undefined});
    progress(document.querySelector(".my-progress"));
    mark();
    say("忘掉了。");
  }

  // ---------------------------------------------------------------- 开始

  const place = document.querySelector(".my-progress"), resume = document.querySelector(".landing .resume");
  if (place) progress(place);
  if (resume && memory.last) resume.replaceChildren("上次读到：", link(
    [memory.pages[memory.last.page]?.title, memory.last.title].filter(Boolean).join(" › "), memory.last.page, memory.last.anchor));
  if (/^(chapters|book\/(growing|gallery))/.test(PAGE) && parts.length) { begin(); next(); keep(); }
  mark();
})();
