// 书页里的单元格：运行、编辑、叫停、重来，都在页内内核里（page_kernel/client.js）。
// 一格要用的名字由前面哪几格给，写在页尾的表里（ext/live_cells.py）：它们还没有运行，就先替读者运行。

(() => {
  const place = document.getElementById("sockscope-cells"), kernel = window.sockscopePageKernel;
  if (!place || !kernel) return;
  const EDITOR = new URL("vendor/codemirror/editor.js", document.currentScript.src).href;
  const {notebook, cells: table} = JSON.parse(place.textContent);
  const SIZE = `${Math.ceil(kernel.bytes / 1e6)} MB`;
  const STOPPED = "叫停了。", STUBBORN = 5000; // 叫停之后这么久还不停，就指给读者“重来”，毫秒

  function make(tag, props = {}, ...children) {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  }

  const button = (text, onclick, title = "") => make("button", {type: "button", onclick, title}, text);

  // ---------------------------------------------------------------- 一格的输出

  class Output {
    /** @param {HTMLElement} recorded 书上的输出；没有则为 null */
    constructor(recorded) {
      this.recorded = recorded;
      this.badge = make("span", {className: "live-badge"}, "实时（页内内核）");
      this.verdict = make("span", {className: "live-verdict"});
      this.swap = button("看书上的", () => this.show(!this.live.hidden));
      this.swap.hidden = !recorded;
      this.live = make("div", {className: "cell_output live-output"});
      this.head = make("span", {className: "live-head", hidden: true}, this.badge, this.verdict, this.swap);
    }

    /** 换成书上的（true），或这一页里刚做出来的。 */
    show(book) {
      this.live.hidden = book;
      if (this.recorded) this.recorded.hidden = !book;
      this.badge.textContent = book ? "书上的" : "实时（页内内核）";
      this.swap.textContent = book ? "看刚才的" : "看书上的";
    }

    begin() {
      this.live.replaceChildren();
      this.verdict.textContent = "";
      this.head.hidden = false;
      this.show(false);
    }

    /** 收起刚才的，回到书上的。 */
    forget() {
      this.live.replaceChildren();
      this.show(true);
      this.head.hidden = true;
    }

    add({output_type: type, ...output}) {
      if (type === "stream") return this.write(output);
      if (type === "error") return this.put("error", make("pre", {}, output.traceback.join("\n")));
      const html = output.data["text/html"] ?? output.data["image/svg+xml"];
      if (html === undefined) return this.put("text_plain", make("pre", {}, output.data["text/plain"] ?? ""));
      const drawn = this.put("text_html", make("div", {innerHTML: window.sockscopeClean.html(html)}));
      window.sockscopeExplorers?.(drawn);
      window.wrapTables?.();
    }

    write({name, text}) {
      const last = this.live.lastElementChild;
      if (last?.dataset.stream === name) return last.firstChild.append(text);
      this.put("stream", make("pre", {}, text)).dataset.stream = name;
    }

    put(kind, content) {
      const frame = make("div", {className: `output ${kind}`}, content);
      this.live.append(frame);
      return frame;
    }
  }

  // ---------------------------------------------------------------- 一格

  class Cell {
    constructor(el, {id, needs, source}) {
      Object.assign(this, {el, id, needs, done: false, request: null, editor: null});
      this.code = el.querySelector(":scope > .cell_input .highlight");
      this.original = source ?? this.code.textContent.replace(/\n$/, "");
      this.output = new Output(el.querySelector(":scope > .cell_output"));
      if (this.visible) this.dress();
    }

    get visible() { return Boolean(this.code); }
    get text() { return this.editor?.text ?? this.original; }
    get key() { return `sockscope:${notebook}:${this.id}`; }

    dress() {
      this.go = button("运行", () => ask([this]), "运行这一格（编辑时 Ctrl + Enter）");
      this.halt = button("停", () => this.request?.abort(), "叫停");
      this.change = button("编辑", () => this.edit(), "改这一格的代码");
      this.undo = button("还原", () => this.restore(), "换回书上的代码");
      this.status = make("span", {className: "live-status"});
      this.status.setAttribute("role", "status");
      const row = make("div", {className: "live-cell"},
        this.go, this.halt, this.change, this.undo, this.output.head, this.status);
      this.el.querySelector(":scope > .cell_input").after(row, this.output.live);
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "null");
      if (kept?.original === this.original) this.edit(kept.text, false);
      this.refresh();
    }

    refresh() {
      if (!this.visible) return;
      this.halt.hidden = !this.request;
      this.go.hidden = Boolean(this.request);
      this.change.hidden = Boolean(this.editor);
      this.undo.hidden = !this.editor;
    }

    say(sentence) { if (this.visible) this.status.textContent = sentence; }

    async edit(text = this.original, focus = true) {
      this.change.disabled = true;
      try {
        if (!window.sockscopeEditor) await window.sockscopeClean.load(EDITOR);
        const frame = make("div", {className: "highlight live-editor"});
        frame.addEventListener("keydown", (event) => event.stopPropagation()); // “/”不是要搜索，方向键不是要翻页
        this.code.after(frame);
        this.code.hidden = true;
        this.editor = window.sockscopeEditor.open(frame, text, {
          label: "这一格的代码", leave: () => this.go.focus(), changed: (now) => this.keep(now),
          run: (forward) => { ask([this]); if (forward) following(this)?.go.focus(); },
        });
        if (focus) this.editor.focus();
      } catch (problem) {
        this.say(problem.message);
      }
      this.change.disabled = false;
      this.refresh();
    }

    keep(text) { localStorage.setItem(this.key, JSON.stringify({original: this.original, text})); }

    restore() {
      localStorage.removeItem(this.key);
      this.code.nextElementSibling.remove();
      this.code.hidden = false;
      this.editor = null;
      this.done = false;
      this.output.forget();
      this.say("");
      this.refresh();
      this.change.focus();
    }

    /** 排上队：等前面的。 */
    wait(request) {
      this.request = request;
      this.say("等着运行");
      this.refresh();
    }

    /** 没有轮到，或者做完了。 */
    rest(sentence) {
      this.request = null;
      this.say(sentence);
      this.refresh();
    }

    /** 在页内内核里运行；返回做成了没有。 */
    async execute({signal}) {
      const slow = () => setTimeout(() => this.request && this.say("停不下来？点页首的“重来”。"), STUBBORN);
      signal.addEventListener("abort", slow);
      this.say("正在运行……");
      this.output.begin();
      const started = performance.now();
      const answer = await kernel.ask({do: "cell", notebook, cell: this.id, source: this.text},
        {signal, onoutput: (output) => this.output.add(output)}).catch(({message}) => ({error: true, wrong: message}));
      signal.removeEventListener("abort", slow);
      this.done = !answer.error;
      this.output.verdict.textContent = this.judged(answer);
      this.rest(answer.wrong ?? `用了 ${((performance.now() - started) / 1000).toFixed(1)} 秒`);
      return this.done;
    }

    /** 与书上的输出比，一句话。 */
    judged({error, wrong, same}) {
      if (wrong) return "";
      if (this.text !== this.original) return "代码改过，书上没有可比的。";
      if (error && !same) return "";
      if (same === null) return "书上没有录这一格。";
      return same ? `与书上不同：${same}（前者是书上，后者是这一页）。` : "与书上的输出一致。";
    }
  }

  const here = [...document.querySelectorAll(".bd-article div.cell")];
  const cells = table.map((told, number) => new Cell(here[number], told));
  const shown = cells.filter(({visible}) => visible);
  const following = (cell) => shown[shown.indexOf(cell) + 1];

  /** 一格需要的全部，由前到后；运行过的不再运行。 */
  function before(cell, found = new Set()) {
    for (const number of cell.needs) {
      if (!found.has(cells[number])) before(cells[number], found).add(cells[number]);
    }
    return found;
  }

  let queue = Promise.resolve();

  /** 读者要运行这几格：连同它们需要的，按书上的次序排队；一格出错，后面的不做。 */
  function ask(wanted) {
    const request = new AbortController();
    const needed = new Set(wanted.flatMap((cell) => [...before(cell)].filter(({done, request: busy}) => !done && !busy)));
    const list = cells.filter((cell) => wanted.includes(cell) || needed.has(cell));
    for (const cell of list) cell.wait(request);
    return queue = queue.then(() => work(list, request));
  }

  async function work(list, request) {
    let wrong = await Promise.all([kernel.start(), window.sockscopeClean.ready()]).then(() => "", ({message}) => message);
    for (const cell of list) {
      if (!wrong && request.signal.aborted) wrong = STOPPED;
      if (wrong) cell.rest(wrong);
      else if (!await cell.execute(request)) wrong = request.signal.aborted ? STOPPED : "前面有一格出了错，没有往下做。";
    }
  }

  // ---------------------------------------------------------------- 整页

  function bar() {
    const said = make("span", {className: "live-status"});
    said.setAttribute("role", "status");
    const boot = button(`启动页内内核（${SIZE}）`, () => kernel.start().catch(() => {}));
    const all = button("全部运行", () => ask(shown));
    const again = button("重来", () => kernel.restart().catch(() => {}), "页内内核从头开始，名字都没有了");
    document.querySelector(".bd-article h1")?.after(make("p", {className: "live-bar"}, boot, all, again, said));
    kernel.onchange(({state, share, sentence, about}) => {
      boot.hidden = !["off", "failed"].includes(state) || Boolean(kernel.obstacle);
      all.hidden = again.hidden = state !== "on";
      said.textContent = {
        off: kernel.obstacle || "这一页的代码可以改、可以运行：浏览器里启动一个真的 Linux，不装任何东西。",
        loading: `正在取页内内核：${Math.floor(share * 100)} %`, booting: "页内内核正在醒来……",
        on: `页内内核（Linux ${about?.kernel}，Python ${about?.python}）开着。`, failed: sentence}[state];
      if (["off", "failed", "loading"].includes(state)) for (const cell of cells) cell.done = false;
    });
  }

  bar();
  document.documentElement.classList.toggle("live-cells", !kernel.obstacle);
})();
