// 谜题页：第一次点开的选项算数，记在这台设备上，哪里也不发送；答对了，就把那条录制的图放出来。
// 没有脚本，题照样能做：一个选项就是一个 <details>。

(() => {
  const KEPT = "sockscope-puzzles";
  const SAYS = {right: "✓ 第一次就对了", wrong: "✗ 第一次没有答对"};
  const STATIC = new URL(".", document.currentScript.src).href;
  const puzzles = [...document.querySelectorAll(".sockscope-puzzle")];
  const waiting = new Map(); // 取着的录制：实验/变体 → 拿到以后做什么
  let answers = recall();

  function recall() {
    try { return JSON.parse(localStorage.getItem(KEPT)) ?? {}; } catch { return {}; }
  }

  function keep() {
    try { localStorage.setItem(KEPT, JSON.stringify(answers)); } catch { /* 这台设备不许存：这一次还记得，下一次就忘了 */ }
  }

  // ---------------------------------------------------------------- 图

  const others = window.sockscopeRecorded; // 同一页上还有交互实验
  window.sockscopeRecorded = (name, key, payload) => {
    others?.(name, key, payload);
    waiting.get(`recordings/${name}/${encodeURIComponent(key)}.js`)?.(payload);
  };
  window.sockscopePuzzle = (name, payload) => waiting.get(`puzzles/${name}.js`)?.(payload);

  /** 取一个脚本送来的图（宽窄两版），换上；原来的文字折在图的下面。取不到，文字还在。 */
  function picture(puzzle, place) {
    const shown = puzzle.querySelector(".shown");
    waiting.set(place, ({wide, narrow}) => {
      const figure = document.createElement("figure"), text = shown.querySelector("pre");
      figure.innerHTML = matchMedia("(max-width: 640px)").matches ? narrow : wide;
      shown.querySelector("figure")?.remove();
      shown.prepend(figure);
      if (text.parentElement === shown) text.replaceWith(folded(text));
    });
    const script = document.createElement("script");
    script.src = STATIC + place;
    document.head.append(script);
  }

  function folded(text) {
    const details = document.createElement("details");
    details.append(Object.assign(document.createElement("summary"), {textContent: "文字版"}), text.cloneNode(true));
    return details;
  }

  /** 题目里的图，遮着的。 */
  const asked = (puzzle) => picture(puzzle, `puzzles/${puzzle.dataset.id}.js`);

  /** 答对以后：那条录制的图，什么也不遮。 */
  function answered(puzzle) {
    const [name, key] = puzzle.dataset.recording.split(/\/(.*)/);
    picture(puzzle, `recordings/${name}/${encodeURIComponent(key)}.js`);
  }

  // ---------------------------------------------------------------- 分数

  function show() {
    for (const puzzle of puzzles) {
      const said = answers[puzzle.dataset.id];
      if (said) puzzle.dataset.said = said; else delete puzzle.dataset.said;
      puzzle.querySelector(".verdict").textContent = SAYS[said] ?? "";
    }
    for (const score of document.querySelectorAll(".sockscope-score")) {
      const mine = puzzles.filter((puzzle) => score.parentElement.contains(puzzle)).map(({dataset}) => answers[dataset.id]);
      const done = mine.filter(Boolean).length, right = mine.filter((said) => said === "right").length;
      score.querySelector("span").textContent = `${mine.length} 道，答过 ${done} 道，第一次就对的 ${right} 道。`;
    }
  }

  function scoreboard(set) {
    const score = document.createElement("div"), told = document.createElement("span");
    Object.assign(score, {className: "sockscope-score"});
    told.setAttribute("role", "status");
    score.append(told, button("重做这几道", () => {
      for (const puzzle of set.querySelectorAll(".sockscope-puzzle")) {
        delete answers[puzzle.dataset.id];
        for (const option of options(puzzle)) option.open = false;
        asked(puzzle);
      }
      keep();
      show();
    }), button("导出答过的", save));
    set.prepend(score);
  }

  function button(text, work) {
    const made = Object.assign(document.createElement("button"), {type: "button", textContent: text});
    made.addEventListener("click", work);
    return made;
  }

  /** 存成一个 JSON 文件：题的名字 → right 或 wrong。 */
  function save() {
    const url = URL.createObjectURL(new Blob([JSON.stringify(answers, null, 1)], {type: "application/json"}));
    Object.assign(document.createElement("a"), {href: url, download: "puzzles.json"}).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  const options = (puzzle) => puzzle.querySelectorAll(".sockscope-quiz details");

  // ---------------------------------------------------------------- 开始

  const near = new IntersectionObserver((seen) => {
    for (const {isIntersecting, target} of seen) if (isIntersecting) { near.unobserve(target); asked(target); }
  }, {rootMargin: "600px"});

  for (const puzzle of puzzles) {
    near.observe(puzzle);
    for (const option of options(puzzle)) {
      option.addEventListener("toggle", () => {
        if (!option.open) return;
        const right = option.hasAttribute("data-right");
        answers[puzzle.dataset.id] ??= right ? "right" : "wrong";
        if (right) answered(puzzle);
        keep();
        show();
      });
    }
  }
  document.querySelectorAll(".sockscope-puzzles").forEach(scoreboard);
  show();
})();
