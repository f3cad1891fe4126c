// 谜题页：第一次点开的选项算数，记在这台设备上，哪里也不发送；答对了，就把那条录制的图放出来。
// 没有脚本，题照样能做：一个选项就是一个 <details>。

(() => {
  const KEPT = "sockscope-puzzles";
  const SAYS = {right: "✓ 第一次就对了", wrong: "✗ 第一次没有答对"};
  const puzzles = [...document.querySelectorAll(".sockscope-puzzle")];
  const covered = new Map(); // 答对的题 → 原来遮着的图
  let answers = recall();

  function recall() {
    try { return JSON.parse(localStorage.getItem(KEPT)) ?? {}; } catch { return {}; }
  }

  function keep() {
    try { localStorage.setItem(KEPT, JSON.stringify(answers)); } catch { /* 这台设备不许存：这一次还记得，下一次就忘了 */ }
  }

  /** 答对以后：那条录制的图，什么也不遮。取不到，原来的图还在。 */
  async function uncover(puzzle) {
    const [name, key] = puzzle.dataset.recording.split(/\/(.*)/), place = puzzle.querySelector(".shown > .sockscope-figure");
    const found = await window.sockscopePacks.unpacked(`recordings/${name}`, key).catch(() => null);
    if (!found) return;
    covered.set(puzzle, covered.get(puzzle) ?? [...place.childNodes]);
    place.innerHTML = found.wide + found.narrow;
  }

  /** 重做：图又遮上。 */
  function cover(puzzle) {
    if (covered.has(puzzle)) puzzle.querySelector(".shown > .sockscope-figure").replaceChildren(...covered.get(puzzle));
    for (const option of puzzle.querySelectorAll(".sockscope-quiz details")) option.open = false;
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
        cover(puzzle);
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

  document.addEventListener("toggle", ({target}) => {
    const puzzle = target.open && target.closest(".sockscope-puzzle");
    if (!puzzle || !target.matches(".sockscope-quiz details")) return;
    const right = target.hasAttribute("data-right");
    answers[puzzle.dataset.id] ??= right ? "right" : "wrong";
    if (right) uncover(puzzle);
    keep();
    show();
  }, true);

  document.querySelectorAll(".sockscope-puzzles").forEach(scoreboard);
  show();
})();
