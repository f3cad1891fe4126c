// 上纸：打印之前把一页做全——折起来的打开，太高的图分成几段，题的答案放到最后；印完照原样放回去。
// make pdf 与 make epub 也走这条路（book/press.py），所以纸上、PDF 里、电子书里是同样的内容。

(() => {
  const PAGE = {width: 672, height: 880}; // A4 去掉页边和图注，像素
  const SHRINK = 1.4; // 比一页高不到这么多：缩到一页里，字还读得清；再高就分段
  const undone = []; // 印完要做的

  // ---------------------------------------------------------------- 太高的图

  /** 图分成几段：[从哪一高度, 到哪一高度]，单位是 viewBox 的；切在事情最稀疏的地方。 */
  function spans({viewBox: {baseVal: {width, height}}, dataset}) {
    const scale = Math.min(1, PAGE.width / width), many = Math.ceil(height * scale / PAGE.height);
    if (height * scale <= PAGE.height * SHRINK) return [];
    const events = (dataset.axis ?? "").split(" ").map((pair) => Number(pair.split(",")[1])).filter(Boolean);
    const cuts = [0];
    for (let at = 1; at < many; at++) {
      const low = height * (at - 0.3) / many, high = height * at / many;
      const near = [low, ...events.filter((y) => y > low && y < high), high];
      const gap = near.slice(1).map((y, k) => [y - near[k], (y + near[k]) / 2]).sort(([a], [b]) => b - a)[0];
      cuts.push(gap[1]);
    }
    return cuts.map((from, k) => [from, cuts[k + 1] ?? height]);
  }

  /** 图上的一段，自成一张图。 */
  function strip(svg, from, to) {
    const copy = svg.cloneNode(true), {width} = svg.viewBox.baseVal;
    for (const name of ["aria-labelledby", "data-axis"]) copy.removeAttribute(name);
    for (const part of copy.querySelectorAll(":scope > title, :scope > desc")) part.remove();
    const size = {viewBox: `0 ${from} ${width} ${to - from}`, width, height: to - from, "aria-hidden": "true"};
    for (const [name, value] of Object.entries(size)) copy.setAttribute(name, value);
    return copy;
  }

  /** 分段的一张图：从第二段起，每段上面再写一次主机的名字。 */
  function cutUp(svg) {
    const found = spans(svg);
    if (!found.length) return;
    const names = Number(svg.querySelector(".host")?.getAttribute("y"));
    const strips = found.map(([from, to], k) => {
      const part = document.createElement("div");
      if (k && names) part.append(strip(svg, names - 14, names + 20));
      part.append(strip(svg, from, to));
      return part;
    });
    const whole = document.createElement("div");
    whole.className = "ss-strips";
    whole.append(...strips);
    svg.classList.add("ss-whole");
    svg.after(whole);
    undone.push(() => { whole.remove(); svg.classList.remove("ss-whole"); });
  }

  // ---------------------------------------------------------------- 题与答案

  /** 题编上号，答案放到这一页的最后：先猜，再翻过去看。 */
  function answers() {
    const quizzes = [...document.querySelectorAll(".bd-article .sockscope-quiz")];
    if (!quizzes.length) return;
    const list = document.createElement("section"), title = document.createElement("h2");
    list.className = "ss-answers";
    title.textContent = "题的答案";
    list.append(title, ...quizzes.map(answered));
    document.querySelector(".bd-article > section")?.append(list);
    undone.push(() => list.remove());
  }

  function answered(quiz, index) {
    const told = document.createElement("div"), name = document.createElement("h3"), options = document.createElement("ul");
    quiz.dataset.number = name.textContent = `题 ${index + 1}`;
    for (const option of quiz.querySelectorAll("details")) {
      const line = document.createElement("li"), choice = document.createElement("span"), why = document.createElement("span");
      choice.innerHTML = `${option.querySelector("summary").innerHTML}：`;
      why.innerHTML = option.querySelector("summary ~ *")?.innerHTML ?? "";
      line.append(choice, why);
      options.append(line);
      if (option.open) { option.open = false; undone.push(() => { option.open = true; }); }
    }
    told.append(name, options);
    return told;
  }

  // ---------------------------------------------------------------- 一页

  function open() {
    for (const part of document.querySelectorAll("details:not([open])")) {
      if (part.closest(".sockscope-quiz") || part.dataset.recording) continue;
      part.open = true;
      undone.push(() => { part.open = false; });
    }
  }

  /** 一页做成纸上的样子。别的脚本先把图和交互实验做出来（later.js、host.js）。 */
  function lay() {
    undo();
    open();
    answers();
    for (const svg of document.querySelectorAll(".bd-article svg.sockscope:not(.ss-overview *)")) cutUp(svg);
  }

  function undo() { for (const back of undone.splice(0).reverse()) back(); }

  addEventListener("beforeprint", lay);
  addEventListener("afterprint", undo);

  /** 这一页的图都取来了，打印的那一刻才来得及。 */
  window.sockscopeReady = async () => {
    const images = [...document.querySelectorAll(".bd-article img")];
    for (const image of images) image.loading = "eager";
    await Promise.all([window.sockscopeFetched?.(), ...images.map((image) => image.decode())]);
  };
})();
