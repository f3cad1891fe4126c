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
    waiting.get(`${name}/${key}`)?.(payload);
  };

  /** 一道题的那条录制画成的图。 */
  function draw(puzzle) {
    if (puzzle.querySelector("figure")) return;
    const figure = document.createElement("figure"), place = puzzle.dataset.recording, [name, key] = place.split(/\/(.*)/);
    puzzle.append(figure);
    waiting.set(place, ({wide, narrow}) => { figure.innerHTML = matchMedia("(max-width: 640px)").matches ? narrow : wide; });
    const script = document.createElement("script");
    script.src = `${STATIC}recordings/${name}/${encodeURIComponent(key)}.js`;
    script.onerror = () => { figure.textContent = "图没有取到，请刷新本页再试。"; };
    document.head.append(script);
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
        for (const option of puzzle.querySelectorAll("details[open]")) option.open = false;
        puzzle.querySelector("figure")?.remove();
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

  // ---------------------------------------------------------------- 开始

  for (const puzzle of puzzles) {
    for (const option of puzzle.querySelectorAll("details")) {
      option.addEventListener("toggle", () => {
        if (!option.open) return;
        const right = option.hasAttribute("data-right");
        answers[puzzle.dataset.id] ??= right ? "right" : "wrong";
        if (right) draw(puzzle);
        keep();
        show();
      });
    }
  }
  document.querySelectorAll(".sockscope-puzzles").forEach(scoreboard);
  show();
})();
