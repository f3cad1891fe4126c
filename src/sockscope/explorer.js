// 交互实验：给 render.svg 画好的图加上行为。自己不画图。
// 同一个模块有两个宿主：JupyterLab（anywidget），和静态书页（book/_assets/host.js）。
// 与宿主的约定只有五个方法：get、set、on、off、save_changes。

/**
 * @typedef {{get(k: string): any, set(k: string, v: any): void, save_changes(): void,
 *   on(e: string, f: () => void): void, off(e: string, f: () => void): void}} Model
 */

const NARROW = 640;
let serial = 0;

/** 造一个元素。@param {string} tag @param {object} [props] @param {...(Node|string)} children */
function make(tag, props = {}, ...children) {
  const {dataset, aria, ...rest} = props;
  const node = Object.assign(document.createElement(tag), rest);
  Object.assign(node.dataset, dataset ?? {});
  for (const [name, value] of Object.entries(aria ?? {})) node.setAttribute(`aria-${name}`, value);
  node.append(...children);
  return node;
}

/** 参数的一组单选。@returns {HTMLFieldSetElement} */
function choice(parameter, id, current, onchange) {
  const options = parameter.options.map(([value, label], index) => {
    const input = make("input", {type: "radio", name: `${id}-${parameter.name}`, checked: value === current});
    input.addEventListener("change", () => onchange(parameter.name, value));
    return make("label", {}, input, make("span", {}, label));
  });
  return make("fieldset", {}, make("legend", {}, parameter.label), make("div", {className: "ss-options"}, ...options));
}

class View {
  /** @param {Model} model @param {HTMLElement} el */
  constructor(model, el) {
    this.model = model;
    this.id = `ss${++serial}`;
    this.selected = null;
    this.cutting = false;
    this.timer = 0;
    this.build(el);
    this.listen();
  }

  // ---------------------------------------------------------------- 骨架

  build(el) {
    const {experiment, values} = {experiment: this.model.get("experiment"), values: this.model.get("values")};
    const change = (name, value) => this.toggle(name, value);
    this.badge = make("span", {className: "ss-badge"});
    this.status = make("p", {className: "ss-status"});
    this.status.setAttribute("role", "status");
    this.controls = make("div", {className: "ss-controls"},
      ...experiment.parameters.map((p) => choice(p, this.id, values[p.name], change)));
    this.figure = make("div", {className: "ss-figure", tabIndex: 0, aria: {label: "图：用上下键逐个选事件，按 x 剪掉选中的包"}});
    this.detail = make("section", {className: "ss-detail", hidden: true, aria: {label: "选中的事件", live: "polite"}});
    this.cuts = make("div", {className: "ss-cuts", hidden: true});
    this.results = make("details", {className: "ss-results"});
    this.difference = make("p", {className: "ss-difference", hidden: true});
    this.root = make("section", {className: "ss", aria: {label: `交互实验：${experiment.title}`}},
      make("header", {}, make("strong", {}, experiment.title), this.badge, make("p", {}, experiment.question)),
      this.controls, this.toolbar(), this.cuts, this.status, this.figure, this.detail, this.difference, this.results);
    const still = el.querySelector(".sockscope-figure");
    if (still) this.figure.append(still);
    el.replaceChildren(this.root);
  }

  toolbar() {
    this.runButton = make("button", {type: "button", className: "ss-run"}, "运行");
    this.playButton = make("button", {type: "button", aria: {pressed: "false"}}, "播放");
    this.slider = make("input", {type: "range", min: "0", max: "1000", value: "1000", aria: {label: "时刻"}});
    this.clock = make("output", {className: "ss-clock"});
    this.scissors = make("button", {type: "button", className: "ss-scissors", aria: {pressed: "false"}}, "✂ 剪包");
    this.scissors.title = "按下之后，点图里的一个包：它会在那里丢失，实验再跑一遍";
    return make("div", {className: "ss-toolbar"},
      this.runButton, this.playButton, this.slider, this.clock, this.scissors);
  }

  listen() {
    this.runButton.addEventListener("click", () => this.ask());
    this.playButton.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
    this.slider.addEventListener("input", () => { this.pause(); this.seek(); });
    this.scissors.addEventListener("click", () => this.setCutting(!this.cutting));
    this.figure.addEventListener("click", (event) => this.clicked(event));
    this.figure.addEventListener("keydown", (event) => this.pressed(event));
    this.resize = new ResizeObserver(() => this.fit());
    this.resize.observe(this.figure);
    this.handlers = {
      "change:payload": () => this.show(), "change:running": () => this.showRunning(),
      "change:error": () => this.showRunning(), "change:drop": () => this.showCuts(),
    };
    for (const [name, handler] of Object.entries(this.handlers)) this.model.on(name, handler);
    this.show();
    this.showRunning();
    this.showCuts();
  }

  close() {
    this.pause();
    this.resize.disconnect();
    for (const [name, handler] of Object.entries(this.handlers)) this.model.off(name, handler);
  }

  // ---------------------------------------------------------------- 请求

  toggle(name, value) {
    this.model.set("values", {...this.model.get("values"), [name]: value});
    this.model.set("drop", []);
    this.ask();
  }

  ask() {
    this.pause();
    this.asked = performance.now();
    this.model.set("request", (this.model.get("request") ?? 0) + 1);
    this.model.save_changes();
  }

  cut(index) {
    const signature = this.payload()?.signatures?.[index];
    if (!signature) return this.say("只有包能剪。");
    this.setCutting(false);
    this.model.set("drop", [...this.model.get("drop"), signature]);
    this.ask();
  }

  setCutting(on) {
    this.cutting = on;
    this.scissors.setAttribute("aria-pressed", String(on));
    this.root.classList.toggle("cutting", on);
    if (on) this.say("点图里的一个包，它会在那里丢失，实验再跑一遍。");
  }

  // ---------------------------------------------------------------- 显示

  payload() { return this.model.get("payload"); }

  say(sentence) { this.status.textContent = sentence; }

  show() {
    const payload = this.payload();
    this.badge.textContent = payload?.label ?? "";
    this.badge.dataset.label = payload?.label ?? "";
    this.badge.title = payload?.note ?? "";
    this.badge.hidden = !payload;
    if (!payload) return;
    this.drawn = "";
    this.fit();
    if (!payload.events) return; // 还在进行中：只有图
    if (this.asked) this.root.dataset.latency = Math.round(performance.now() - this.asked);
    this.root.dataset.protocol = payload.protocol_ms;
    this.root.dataset.key = payload.key;
    this.select(null);
    this.showResults(payload);
    this.difference.textContent = payload.difference ?? payload.note ?? "";
    this.difference.hidden = !this.difference.textContent;
  }

  /** 按容器的宽度挑宽图或窄图放上去。 */
  fit() {
    const payload = this.payload();
    if (!payload?.wide || !this.figure.clientWidth) return;
    const shape = this.figure.clientWidth < NARROW ? "narrow" : "wide";
    if (this.drawn === shape) return;
    this.drawn = shape;
    this.figure.innerHTML = payload[shape];
    this.slider.value = "1000";
    this.seek();
    this.mark();
  }

  showRunning() {
    const running = Boolean(this.model.get("running")), error = this.model.get("error");
    this.root.classList.toggle("running", running);
    this.runButton.textContent = running ? "进行中…" : "运行";
    this.say(error || (running ? "实验进行中。" : ""));
    this.status.classList.toggle("error", Boolean(error));
  }

  showCuts() {
    const drop = this.model.get("drop") ?? [];
    this.cuts.hidden = !drop.length;
    this.cuts.replaceChildren("剪掉了：", ...drop.map((signature) => {
      const chip = make("button", {type: "button", title: "不剪这个包，再跑一遍"}, `${signature.replace(/ #1$/, "")} ✕`);
      chip.addEventListener("click", () => {
        this.model.set("drop", this.model.get("drop").filter((one) => one !== signature));
        this.ask();
      });
      return chip;
    }));
  }

  showResults(payload) {
    const column = ({host, calls, states}) => make("div", {}, make("h4", {}, host),
      make("ul", {}, ...calls.map(({call, outcome, failed}) =>
        make("li", {className: failed ? "failed" : ""}, make("code", {}, call), " → ", make("code", {}, outcome)))),
      make("p", {}, states.length ? `内核的状态：${states.join(" → ")}` : "没有 TCP 状态"));
    this.results.replaceChildren(make("summary", {}, "两边各自的结果"),
      make("div", {className: "ss-columns"}, ...payload.results.map(column)));
  }

  // ---------------------------------------------------------------- 选中一个事件

  clicked(event) {
    const target = event.target.closest("[data-event]");
    if (!target) return this.select(null);
    const index = Number(target.dataset.event);
    if (this.cutting) return this.cut(index);
    this.select(index);
  }

  pressed(event) {
    const step = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
    if (step) this.move(step);
    else if (event.key === "x" && this.selected !== null) this.cut(this.selected);
    else if (event.key === "Escape") { this.setCutting(false); this.select(null); }
    else return;
    event.preventDefault();
  }

  /** 选中时间上的下一个（或上一个）画出来的事件。 */
  move(step) {
    const order = [...new Set([...this.figure.querySelectorAll("[data-event]")].map((g) => Number(g.dataset.event)))];
    order.sort((a, b) => a - b);
    const here = order.indexOf(this.selected);
    this.select(order[here < 0 ? (step > 0 ? 0 : order.length - 1) : Math.min(Math.max(here + step, 0), order.length - 1)]);
  }

  select(index) {
    this.selected = index;
    const event = index === null ? null : this.payload()?.events?.[index];
    if (index !== null && !event) this.model.set("wish", index); // 静态页：请宿主取来这个变体
    this.detail.hidden = !event;
    this.mark();
    if (!event) return;
    const actions = [];
    if (this.payload().signatures[index]) actions.push(this.action("✂ 剪掉这个包再跑一遍", () => this.cut(index)));
    if (event.cause !== null && event.cause !== undefined) actions.push(this.action("↑ 看是谁引出的", () => this.select(event.cause)));
    this.detail.replaceChildren(make("h4", {}, event.title),
      ...event.lines.map((line) => make("p", {}, line)), ...event.blocks.map(bytes),
      make("div", {className: "ss-actions"}, ...actions));
  }

  action(text, onclick) { return make("button", {type: "button", onclick}, text); }

  /** 在图上标出选中的事件和它的原因。 */
  mark() {
    const cause = this.selected === null ? null : this.payload()?.events?.[this.selected]?.cause;
    for (const g of this.figure.querySelectorAll("[data-event]")) {
      g.classList.toggle("selected", Number(g.dataset.event) === this.selected);
      g.classList.toggle("because", cause !== null && cause !== undefined && Number(g.dataset.event) === cause);
    }
  }

  // ---------------------------------------------------------------- 播放

  /** 图的时间轴：render.svg 写在 data-axis 里的 [时刻, 高度]。 */
  axis() {
    const svg = this.figure.querySelector("svg[data-axis]");
    return svg ? svg.dataset.axis.split(" ").map((pair) => pair.split(",").map(Number)) : [];
  }

  /** 滑块的位置是图上的高度（静默的长短已经由图压缩过），换算回时刻。 */
  moment() {
    const axis = this.axis();
    if (!axis.length || this.slider.value === "1000") return Infinity;
    const [top, bottom] = [axis[0][1], axis.at(-1)[1]];
    const y = top + (bottom - top) * this.slider.value / 1000;
    const after = Math.max(axis.findIndex(([, height]) => height >= y), 1);
    const [[t0, y0], [t1, y1]] = [axis[after - 1], axis[after]];
    return t0 + (t1 - t0) * (y - y0) / (y1 - y0 || 1);
  }

  seek() {
    const now = this.moment();
    for (const g of this.figure.querySelectorAll("[data-t]")) g.classList.toggle("later", Number(g.dataset.t) > now);
    this.clock.textContent = now === Infinity ? "" : now < 1e9 ? `${(now / 1e6).toFixed(1)} ms` : `${(now / 1e9).toFixed(2)} s`;
  }

  play() {
    if (this.slider.value === "1000") this.slider.value = "0";
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const [step, pause] = still ? [100, 700] : [4, 30];
    this.playButton.textContent = "暂停";
    this.playButton.setAttribute("aria-pressed", "true");
    this.timer = setInterval(() => {
      this.slider.value = String(Math.min(Number(this.slider.value) + step, 1000));
      this.seek();
      if (this.slider.value === "1000") this.pause();
    }, pause);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.playButton.textContent = "播放";
    this.playButton.setAttribute("aria-pressed", "false");
  }
}

/** 一段字节：名字、范围、十六进制。 */
function bytes({name, start, end, rows}) {
  return make("figure", {className: "ss-bytes"},
    make("figcaption", {}, `${name}　第 ${start}–${end - 1} 字节`), make("pre", {}, rows.join("\n")));
}

export default {
  /** @param {{model: Model, el: HTMLElement}} context */
  render({model, el}) {
    const view = new View(model, el);
    if (!model.get("payload") && !model.get("still")) view.ask();
    return () => view.close();
  },
};
