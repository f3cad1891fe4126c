// 交互实验：给 render.svg 画好的图加上行为，自己不画图。
// 同一个模块有两个宿主：JupyterLab（anywidget），和静态书页（book/_assets/host.js）。
// 与宿主的约定只有下面五个方法；状态的名字见 explorer.py 的 Explorer。

/**
 * @typedef {{get(k: string): any, set(k: string, v: any): void, save_changes(): void,
 *   on(e: string, f: () => void): void, off(e: string, f: () => void): void}} Model
 * @typedef {{title: string, lines: string[], cause: number | null, blocks: object[]}} Explanation
 */

const NARROW = 692; // 容器比这更窄就用窄图，像素
const SPEED = 70; // 播放时每秒走过图上多高
const PACE = 900; // 不要动画的读者，一步一停，毫秒
const END = 1000; // 时间滑块的末尾
const TALL = 2.5; // 图比屏幕高这么多倍，旁边就有一条缩略
const LISTED = 200; // 折起来的一段至多列出这么多件
const HELP = "上下键逐个选事件，回车读它的说明，x 剪掉选中的包，Esc 放下";
let serial = 0;

/** 造一个元素。@param {string} tag @param {object} [props] @param {...(Node|string)} children */
function make(tag, props = {}, ...children) {
  const {aria, role, ...rest} = props;
  const node = Object.assign(document.createElement(tag), rest);
  if (role) node.setAttribute("role", role);
  for (const [name, value] of Object.entries(aria ?? {})) node.setAttribute(`aria-${name}`, value);
  node.append(...children);
  return node;
}

function button(text, onclick, props = {}) {
  return make("button", {type: "button", onclick, ...props}, text);
}

/** 只写着“是”“否”的参数：一个开关。 */
function toggle(parameter, _id, current, onchange) {
  const input = make("input", {type: "checkbox", role: "switch", checked: current});
  input.addEventListener("change", () => onchange(parameter.name, input.checked));
  return make("label", {className: "ss-switch"}, input, make("i"), make("span", {}, parameter.label));
}

/** 有几个选项的参数：一组单选。 */
function choice(parameter, id, current, onchange) {
  const options = parameter.options.map(([value, label]) => {
    const input = make("input", {type: "radio", name: `${id}-${parameter.name}`, value: String(value), checked: value === current});
    input.dataset.parameter = parameter.name;
    input.addEventListener("change", () => onchange(parameter.name, value));
    return make("label", {}, input, make("span", {}, label));
  });
  return make("fieldset", {}, make("legend", {}, parameter.label), make("div", {className: "ss-options"}, ...options));
}

function control(parameter, ...rest) {
  const plain = ([value, label]) => (value === true && label === "是") || (value === false && label === "否");
  return parameter.options.every(plain) ? toggle(parameter, ...rest) : choice(parameter, ...rest);
}

/** 读者自己填的整数：空着就是缺省的。填错了由浏览器说，不去问。 */
function typed({name, label, low, high, default: usual}, current, onchange) {
  const input = make("input", {type: "number", min: low, max: high, step: 1, value: current ?? usual, required: true});
  input.dataset.parameter = name;
  input.addEventListener("change", () => {
    if (!input.value) input.value = usual;
    if (input.reportValidity()) onchange(name, Number(input.value));
  });
  return make("label", {}, make("span", {}, `${label}，${low} 到 ${high}`), input);
}

/** 一个字段写着什么。写法见 render/dissect.py。 */
function fieldText(how, name, octets) {
  const hex = octets.map((one) => one.toString(16).padStart(2, "0")), number = octets.reduce((sum, one) => sum * 256 + one, 0);
  if (how === "-") return name;
  if (how === "x") return `${name} 0x${hex.join("")}`;
  if (how !== "a") return `${name} ${number}`;
  return `${name} ${octets.length === 4 ? octets.join(".") : hex.join("").match(/.{4}/g).join(":")}`;
}

/** 一行十六进制：同一个字段的几个字节在一个节点里。@param {number[]} owner 字节 → 第几个字段 */
function row(text, owner) {
  const hex = text.slice(6).split("  ")[0].split(" "), runs = [];
  for (const octet of hex) {
    const field = owner.shift();
    if (runs.at(-1)?.field === field) runs.at(-1).hex.push(octet); else runs.push({field, hex: [octet]});
  }
  const parts = runs.map(({field, hex}) => {
    const part = make("span", {}, hex.join(" "));
    if (field !== undefined) part.dataset.field = field;
    return part;
  });
  return [text.slice(0, 6), ...parts.flatMap((part, n) => (n ? [" ", part] : [part])), text.slice(6 + hex.length * 3 - 1), "\n"];
}

/** 一层协议的字节：名字、范围、十六进制、字段。指着字段，它的字节亮；指着字节，它的字段亮。 */
function bytes({name, start, end, rows, fields = []}) {
  const octets = rows.flatMap((text) => text.slice(6).split("  ")[0].split(" ")).map((one) => parseInt(one, 16));
  const owner = [], names = fields.map((field, n) => {
    const [, size, how, told] = field.match(/^(\d+)([xa-]?)(.*)$/), at = owner.length;
    for (let k = 0; k < size; k += 1) owner.push(n);
    return Object.assign(button(fieldText(how, told, octets.slice(at, at + Number(size)))), {className: "ss-field"});
  });
  names.forEach((one, n) => { one.dataset.field = n; });
  const whole = make("figure", {className: "ss-bytes"}, make("figcaption", {}, `${name}　第 ${start}–${end - 1} 字节`),
    make("pre", {}, ...rows.flatMap((text) => row(text, owner))), ...(names.length ? [make("div", {className: "ss-fields"}, ...names)] : []));
  const point = ({target}) => { // 指针不在哪个字段上，就亮键盘停着的那个
    const {field} = (target.closest("[data-field]") ?? whole.querySelector(":focus"))?.dataset ?? {};
    for (const one of whole.querySelectorAll("[data-field]")) one.classList.toggle("hot", one.dataset.field === field);
  };
  for (const type of ["pointerover", "pointerleave", "focusin", "focusout"]) whole.addEventListener(type, point);
  return whole;
}

/** 一台主机的结果：每次调用一行，最后是内核的状态。 */
function results({host, calls, states}) {
  const row = ({call, outcome, failed}) => make("tr", {className: failed ? "failed" : ""},
    make("td", {}, make("code", {}, call)), make("td", {}, make("code", {}, outcome)));
  const head = make("tr", {}, make("th", {scope: "col"}, "调用"), make("th", {scope: "col"}, "结果"));
  return make("div", {}, make("table", {}, make("caption", {}, host), make("thead", {}, head),
    make("tbody", {}, ...calls.map(row))),
  make("p", {}, states.length ? `内核的状态：${states.join(" → ")}` : "没有 TCP 状态。"));
}

/** 一段折起来的事件的下标。 */
function inside(band) { return band.dataset.events.split(" ").map(Number); }

function fold(summary, ...children) {
  return make("details", {className: "ss-fold"}, make("summary", {}, summary), ...children);
}

/** 印在纸上的一句：现在的开关，和做出这一次的命令。 */
function told({name, parameters, typed}, values, drop) {
  const written = (value) => (typeof value === "boolean" ? Number(value) : value);
  const chosen = parameters.map(({name, label, options}) => `${label}：${options.find(([value]) => value === values[name])?.[1] ?? values[name]}`);
  const filled = typed.filter((field) => (values[field.name] ?? field.default) !== field.default && !parameters.some((one) => one.name === field.name));
  chosen.push(...filled.map((field) => `${field.label}：${values[field.name]}`), ...(drop.length ? [`剪掉了 ${drop.length} 个包`] : []));
  const given = parameters.filter((one) => values[one.name] !== one.default).concat(filled)
    .map((one) => ` ${one.name}=${written(values[one.name])}`);
  return `${chosen.length ? `变体：${chosen.join("；")}。` : ""}自己做一遍：sockscope run ${name}${given.join("")}`;
}

function moment(t) {
  return t < 1e9 ? `${(t / 1e6).toFixed(1)} ms` : `${(t / 1e9).toFixed(2)} s`;
}

/** 图的时间轴：render.svg 写在 data-axis 里的 [时刻, 高度]，高度单位是 viewBox 的。 */
function axisOf(svg) {
  return (svg?.dataset.axis ?? "").split(" ").filter(Boolean).map((pair) => pair.split(",").map(Number));
}

/** 图上的高度 → 时刻（静默的长短已经由图压缩过，所以分段换算）。 */
function timeAt(axis, y) {
  const after = Math.max(axis.findIndex(([, height]) => height >= y), 1);
  const [[t0, y0], [t1, y1]] = [axis[after - 1], axis[after] ?? axis[after - 1]];
  return t0 + (t1 - t0) * (y - y0) / (y1 - y0 || 1);
}

// ---------------------------------------------------------------- 部件

class View {
  /** @param {Model} model @param {HTMLElement} el */
  constructor(model, el) {
    Object.assign(this, {model, id: `ss${++serial}`, titles: {}, opened: false, selected: null, wish: null, stop: null});
    this.build(el);
    this.listen();
    for (const handler of new Set(Object.values(this.handlers))) handler();
    this.print(false);
  }

  build(el) {
    const experiment = this.model.get("experiment"), values = this.model.get("values");
    const change = (name, value) => this.change(name, value);
    this.badge = make("span", {className: "ss-badge"});
    this.status = make("p", {className: "ss-status", role: "status"});
    this.controls = make("div", {className: "ss-controls"},
      ...experiment.parameters.map((p) => control(p, this.id, values[p.name], change)));
    const given = Object.entries(values).some(([name]) => !experiment.parameters.some((p) => p.name === name));
    this.typed = fold("自己填数", make("div", {className: "ss-typed"},
      ...experiment.typed.map((field) => typed(field, values[field.name], change))));
    this.typed.open = given;
    this.cuts = make("div", {className: "ss-cuts"});
    this.figure = make("div", {className: "ss-figure", tabIndex: 0, role: "application",
      aria: {label: `${experiment.title}的图。${HELP}`}});
    this.here = make("i", {className: "ss-here"});
    this.heard = make("p", {className: "ss-heard", role: "status"}); // 选中了什么，说给屏幕阅读器
    this.detail = make("section", {className: "ss-detail", hidden: true, aria: {label: "选中的事件"}});
    this.difference = make("p", {className: "ss-difference"});
    this.printed = make("p", {className: "ss-printed"});
    this.more = make("div", {className: "ss-more"});
    const name = `交互实验：${experiment.title}`, same = document.querySelectorAll(`section.ss[aria-label^="${CSS.escape(name)}"]`).length;
    this.root = make("section", {className: "ss", aria: {label: same ? `${name}，之${same + 1}` : name}},
      make("header", {}, make("strong", {}, experiment.title), this.badge, make("p", {}, experiment.question)),
      this.controls, this.typed, this.printed, this.toolbar(), this.cuts, this.status, this.heard,
      make("div", {className: "ss-stage"}, this.here, this.figure), this.detail, this.difference, this.more);
    const still = el.querySelector(".sockscope-figure"); // 静态书页里已经有的图
    if (still) this.figure.append(still);
    this.root.dataset.lmSuppressShortcuts = "true"; // 方向键归图，不归 JupyterLab
    el.replaceChildren(this.root);
  }

  toolbar() {
    this.runButton = button("", () => (this.model.get("running") ? this.halt() : this.ask()), {className: "ss-run"});
    this.runButton.append(make("span", {}, "运行"), make("span", {}, "停止"));
    this.playButton = button("播放", () => (this.stop ? this.pause() : this.play()), {className: "ss-play"});
    this.slider = make("input", {type: "range", min: 0, max: END, value: END, aria: {label: "看到哪一刻为止"}});
    this.clock = make("output", {className: "ss-clock"});
    this.scissors = button("✂ 剪包", () => this.setCutting(!this.cutting), {
      title: "按下之后，点图里的一个包：它会在那里丢失，实验再跑一遍", aria: {pressed: "false"}});
    return make("div", {className: "ss-toolbar"},
      this.runButton, this.playButton, make("div", {className: "ss-time"}, this.slider, this.clock), this.scissors);
  }

  listen() {
    this.slider.addEventListener("input", () => { this.pause(); this.seek(); });
    this.figure.addEventListener("click", (event) => this.clicked(event));
    this.root.addEventListener("keydown", (event) => this.pressed(event));
    this.resize = new ResizeObserver(() => this.fit());
    this.resize.observe(this.figure);
    addEventListener("beforeprint", this.toPaper = () => this.print(true));
    addEventListener("afterprint", this.offPaper = () => this.print(false));
    document.addEventListener("scroll", this.scrolled = () => this.look(), {capture: true, passive: true});
    const progress = () => this.showRunning();
    this.handlers = {"change:payload": () => this.show(), "change:drop": () => this.showCuts(),
      "change:cuttable": () => this.offer(), "change:running": progress, "change:error": progress};
    for (const [name, handler] of Object.entries(this.handlers)) this.model.on(name, handler);
    this.model.on("comm_live_update", this.lost = () => this.orphaned()); // ipywidgets：内核死了，或者重启了
  }

  /** 运行它的内核不在了：图是最后一次画的，不再是实时的，开关也没有谁应答。 */
  orphaned() {
    this.pause();
    this.root.classList.remove("running");
    this.root.classList.add("stale");
    Object.assign(this.badge, {textContent: "内核已停", title: ""});
    this.badge.dataset.label = "";
    for (const part of this.root.querySelectorAll(":is(.ss-controls, .ss-typed) input, .ss-run")) part.disabled = true;
    this.scissors.disabled = true;
    this.status.classList.add("error");
    this.say("运行这一格的内核不在了，图是它最后一次画的。重新运行这一格，就又是实时的。");
  }

  close() {
    this.pause();
    removeEventListener("beforeprint", this.toPaper);
    removeEventListener("afterprint", this.offPaper);
    this.resize.disconnect();
    document.removeEventListener("scroll", this.scrolled, {capture: true});
    for (const [name, handler] of Object.entries(this.handlers)) this.model.off(name, handler);
    this.model.off("comm_live_update", this.lost);
  }

  // ---------------------------------------------------------------- 请求

  change(name, value) {
    for (const input of this.root.querySelectorAll(`[data-parameter="${name}"]`)) { // 同一个参数，可以选，也可以填
      if (input.type === "radio") input.checked = input.value === String(value);
      else input.value = value;
    }
    this.model.set("values", {...this.model.get("values"), [name]: value});
    this.model.set("drop", []);
    this.ask();
  }

  ask() {
    this.pause();
    this.slider.value = END;
    this.root.classList.remove("fresh");
    this.asked = performance.now();
    this.model.set("request", (this.model.get("request") ?? 0) + 1);
    this.model.save_changes();
  }

  halt() {
    this.model.set("halt", this.model.get("request"));
    this.model.save_changes();
  }

  cut(index) {
    const signature = this.payload()?.signatures?.[index];
    if (!signature) return this.say("只有包能剪：选网线上的一个箭头。", true);
    if (!this.cuttable(index)) return this.say(this.model.get("uncut"), true);
    this.titles[signature] = this.payload().events[index].title;
    this.drop();
    this.model.set("drop", [...new Set([...this.model.get("drop"), signature])]);
    this.ask();
  }

  /** 剪得掉这个包吗：宿主能真的做一遍，或者录过（``cuttable`` 是录过的签名；做得了现场实验的宿主没有它）。 */
  cuttable(index) {
    const signature = this.payload()?.signatures?.[index], recorded = this.model.get("cuttable");
    return Boolean(signature) && (!recorded || recorded.includes(signature));
  }

  /** 一个也剪不了，就没有剪刀；剪不了的箭头，举着剪刀时是淡的。 */
  offer() {
    const signatures = this.payload()?.signatures, recorded = this.model.get("cuttable");
    const some = signatures ? Object.keys(signatures).some((index) => this.cuttable(index)) : recorded?.length !== 0;
    this.scissors.hidden = !some;
    if (!some && this.cutting) this.setCutting(false);
    for (const g of signatures ? this.figure.querySelectorAll(".packet[data-event]") : []) {
      g.classList.toggle("uncut", !this.cuttable(g.dataset.event));
    }
  }

  mend(signature) {
    this.model.set("drop", this.model.get("drop").filter((one) => one !== signature));
    this.ask();
  }

  setCutting(on) {
    this.cutting = this.root.classList.toggle("cutting", on);
    this.scissors.setAttribute("aria-pressed", String(on));
    this.say(on ? "点图里的一个包，它会在那里丢失。" : "");
  }

  // ---------------------------------------------------------------- 显示

  payload() { return this.model.get("payload"); }

  /** 说一句话；``seen`` 是人人都要看见，不只屏幕阅读器。 */
  say(sentence, seen = false) {
    this.status.textContent = sentence;
    this.status.classList.toggle("seen", seen);
  }

  /** 标签、图、异同；做完了还有解释与结果。 */
  show() {
    const payload = this.payload();
    Object.assign(this.badge, {textContent: payload?.label ?? "", title: payload?.note ?? "", hidden: !payload});
    this.badge.dataset.label = payload?.label ?? "";
    this.difference.textContent = payload?.difference || payload?.note || "";
    this.root.classList.toggle("fresh", Boolean(payload?.wide)); // 图已经属于这一次
    this.drawn = "";
    this.fit();
    if (payload?.events) this.complete(payload);
  }

  complete(payload) {
    Object.assign(this.root.dataset, {key: payload.key, protocol: payload.protocol_ms});
    this.offer();
    if (this.asked) this.measure(this.asked);
    this.select(this.wish);
    this.wish = null;
    this.more.replaceChildren(
      fold("两边各自的结果", make("div", {className: "ss-columns"}, ...payload.results.map(results))),
      fold("文字版", make("pre", {tabIndex: 0}, payload.text)));
  }

  /** 从拨动开关到新图画好用了多少毫秒，写在 data-latency 上（浏览器画完这一帧之后才算）。 */
  measure(since) {
    requestAnimationFrame(() => setTimeout(() => {
      this.root.dataset.latency = (performance.now() - since).toFixed(1);
    }));
  }

  /** 按容器的宽度挑宽图或窄图放上去；纸上都用宽的。 */
  fit() {
    const payload = this.payload(), width = this.figure.clientWidth + this.beside();
    if (!payload?.wide || !width) return;
    const shape = width < NARROW && !this.onPaper ? "narrow" : "wide";
    if (this.drawn === shape) return;
    this.drawn = shape;
    this.figure.innerHTML = payload[shape];
    this.seek();
    this.mark();
    this.offer();
    this.survey();
  }

  /** 缩略占去的宽度，像素；它在不在，不影响用宽图还是窄图（否则两种图会没完没了地轮换）。 */
  beside() {
    if (!this.overview?.isConnected) return 0;
    const {marginLeft, marginRight} = getComputedStyle(this.overview);
    return this.overview.offsetWidth + parseFloat(marginLeft) + parseFloat(marginRight);
  }

  /** 很高的图，旁边有一条缩略：看得见整张，方框是屏幕上的这一段，点哪里就到哪里。 */
  survey() {
    this.overview?.remove();
    const svg = this.svg(), tall = svg?.getBoundingClientRect().height > TALL * innerHeight;
    if (!tall || this.drawn === "narrow") return;
    const copy = svg.cloneNode(true);
    for (const part of copy.querySelectorAll("title, desc, text, defs, .hit, .cause")) part.remove();
    for (const name of ["id", "role", "aria-labelledby", "width", "height", "style", "data-axis"]) copy.removeAttribute(name);
    for (const part of copy.querySelectorAll("[data-event], [data-events], [data-t]")) {
      for (const name of ["data-event", "data-events", "data-t"]) part.removeAttribute(name);
    }
    copy.setAttribute("preserveAspectRatio", "none");
    this.frame = make("i", {});
    this.overview = make("div", {className: "ss-overview", title: "点哪里，就到图的哪里", aria: {hidden: "true"}}, copy, this.frame);
    this.overview.addEventListener("click", ({clientY}) => {
      const box = this.overview.getBoundingClientRect();
      this.here.style.top = `${this.figure.offsetTop + this.figure.clientHeight * (clientY - box.top) / box.height}px`;
      this.here.scrollIntoView({block: "center"});
    });
    this.figure.before(this.overview);
    this.look();
  }

  /** 缩略上的方框：屏幕上看得见的这一段。 */
  look() {
    if (!this.overview?.isConnected) return;
    const {top, height} = this.figure.getBoundingClientRect();
    const from = Math.min(Math.max(-top / height, 0), 1), to = Math.min(Math.max((innerHeight - top) / height, 0), 1);
    Object.assign(this.frame.style, {top: `${from * 100}%`, height: `${(to - from) * 100}%`});
  }

  /** 打印：宽图，和这一次的开关。@param {boolean} onPaper */
  print(onPaper) {
    this.onPaper = onPaper;
    this.fit();
    this.printed.textContent = told(this.model.get("experiment"), this.model.get("values"), this.model.get("drop") ?? []);
  }

  showRunning() {
    const running = Boolean(this.model.get("running")), error = this.model.get("error");
    this.root.classList.toggle("running", running);
    this.root.classList.toggle("stale", !running && Boolean(error));
    this.status.classList.toggle("error", Boolean(error));
    this.say(error || (running ? "实验进行中" : ""));
  }

  showCuts() {
    const drop = this.model.get("drop") ?? [];
    this.cuts.hidden = !drop.length;
    this.cuts.replaceChildren("剪掉了", ...drop.map((signature) => {
      const name = this.titles[signature] ?? signature;
      return button(`${name} ✕`, () => this.mend(signature), {aria: {label: `不剪“${name}”，再跑一遍`}});
    }));
  }

  // ---------------------------------------------------------------- 选中一个事件

  clicked(event) {
    const target = event.target.closest("[data-event]"), index = target ? Number(target.dataset.event) : null;
    const band = event.target.closest("[data-events]");
    if (band && !this.cutting) return this.select(inside(band)[0]);
    return this.cutting && target ? this.cut(index) : this.select(index);
  }

  pressed(event) {
    const step = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
    const onFigure = event.target === this.figure;
    if (step && onFigure) this.move(step);
    else if (event.key === "Enter" && onFigure) this.read();
    else if (event.key === "x" && onFigure && this.selected !== null) this.cut(this.selected);
    else if (event.key === "Escape") this.drop();
    else return;
    event.preventDefault();
  }

  /** 到选中的事件的说明里去；还没有选，就选第一个。Esc 回到图上。 */
  read() {
    if (this.selected === null) this.move(1);
    this.detail.querySelector("button")?.focus();
  }

  /** 放下剪刀和选中的事件，焦点不丢，回到图上。 */
  drop() {
    if (this.detail.contains(document.activeElement)) this.figure.focus({preventScroll: true});
    this.setCutting(false);
    this.select(null);
  }

  /** 选中图上的下一个（或上一个）事件：先按时刻，再按次序。 */
  move(step) {
    const drawn = [...this.figure.querySelectorAll("[data-event], [data-events]")]
      .map((g) => g.dataset.events ? inside(g)[0] : Number(g.dataset.event));
    const order = [...new Set(drawn)].sort((a, b) => a - b), here = order.indexOf(this.selected);
    const next = here < 0 ? (step > 0 ? 0 : order.length - 1) : here + step;
    this.select(order[Math.min(Math.max(next, 0), order.length - 1)] ?? null);
  }

  /** @param {number | null} index */
  select(index) {
    const event = index === null ? null : this.payload()?.events?.[index];
    if (index !== null && !event) this.wish = index; // 解释还没取来：取来之后再选
    this.selected = event ? index : null;
    this.detail.hidden = !event;
    this.heard.textContent = event ? [event.title, ...event.lines].join("　") : "";
    if (event) this.status.classList.remove("seen");
    this.mark();
    if (!event) return;
    const band = this.bandOf(index);
    if (band && inside(band)[0] === index) this.unfold(band);
    else this.explain(event, index);
    this.reveal();
  }

  /** 换上新的说明；刚才的焦点若在旧的里面，就回到图上。 */
  tell(...nodes) {
    const held = this.detail.contains(document.activeElement);
    this.detail.replaceChildren(...nodes);
    if (held) this.figure.focus({preventScroll: true});
  }

  /** 第 index 个事件折在哪一段里；没有折起来，则为 undefined。 */
  bandOf(index) {
    return [...this.figure.querySelectorAll("[data-events]")].find((band) => inside(band).includes(index));
  }

  /** 折起来的一段：里面的事一件一行，点哪一件就解释哪一件。 */
  unfold(band) {
    const indices = inside(band), events = this.payload().events;
    const rows = indices.slice(0, LISTED).map((index) => make("li", {}, button(events[index].title,
      () => this.explain(events[index], index))));
    const more = indices.length > LISTED ? [make("p", {}, `以上是头 ${LISTED} 件。`)] : [];
    this.tell(
      make("h4", {}, `折起来的 ${indices.length} 件事`), make("ol", {className: "ss-inside"}, ...rows), ...more,
      button("✕", () => this.drop(), {className: "ss-close", aria: {label: "放下"}}));
  }

  /** 说明停在屏幕下沿，别让它挡住选中的事件。 */
  reveal() {
    const target = this.figure.querySelector(".selected")?.getBoundingClientRect();
    if (!target) return;
    this.here.style.top = `${target.top - this.here.parentElement.getBoundingClientRect().top}px`;
    this.here.style.height = `${Math.min(target.height, 80)}px`;
    this.here.scrollIntoView({block: "nearest"});
  }

  /** @param {Explanation} event @param {number} index */
  explain(event, index) {
    const actions = [button("↑ 上一个", () => this.move(-1)), button("↓ 下一个", () => this.move(1))];
    if (typeof event.cause === "number") actions.unshift(button("由谁引出", () => this.select(event.cause)));
    if (this.cuttable(index)) actions.unshift(button("✂ 剪掉这个包再跑一遍", () => this.cut(index)));
    const band = this.bandOf(index);
    if (band) actions.unshift(button("回到折起来的一段", () => this.unfold(band)));
    const uncut = this.payload().signatures[index] && !this.cuttable(index) ? [`✂ ${this.model.get("uncut")}`] : [];
    const words = make("div", {className: "ss-words"},
      make("h4", {}, event.title), ...[...event.lines, ...uncut].map((line) => make("p", {}, line)));
    const raw = fold("字节", ...event.blocks.map(bytes));
    Object.assign(raw, {open: this.opened, hidden: !event.blocks.length, ontoggle: () => { this.opened = raw.open; }});
    this.tell(words, button("✕", () => this.drop(), {className: "ss-close", aria: {label: "放下"}}),
      make("div", {className: "ss-actions"}, ...actions), raw);
  }

  /** 在图上标出选中的事件和它的原因。 */
  mark() {
    const cause = this.payload()?.events?.[this.selected]?.cause;
    for (const band of this.figure.querySelectorAll("[data-events]")) {
      band.classList.toggle("selected", this.selected !== null && inside(band).includes(this.selected));
    }
    for (const g of this.figure.querySelectorAll("[data-event]")) {
      const index = Number(g.dataset.event);
      g.classList.toggle("selected", index === this.selected);
      g.classList.toggle("because", index === cause);
    }
  }

  // ---------------------------------------------------------------- 播放

  /** 正在显示的那张图（静态书页里宽窄两张都在）。 */
  svg() { return [...this.figure.querySelectorAll("svg[data-axis]")].find((svg) => svg.clientWidth); }

  /** 把图看到滑块所在的那一刻：之后的事藏起来，正在路上的包只露出走过的一段。 */
  seek() {
    const svg = this.svg(), axis = axisOf(svg), whole = Number(this.slider.value) >= END || axis.length < 2;
    this.figure.classList.toggle("timed", !whole);
    const y = whole ? Infinity : axis[0][1] + (axis.at(-1)[1] - axis[0][1]) * this.slider.value / END;
    const now = whole ? Infinity : timeAt(axis, y);
    for (const g of this.figure.querySelectorAll("[data-t]")) g.classList.toggle("later", Number(g.dataset.t) > now);
    this.clock.textContent = whole ? "" : moment(now);
    this.slider.setAttribute("aria-valuetext", whole ? "全部" : moment(now));
    if (whole) return;
    const share = y / svg.viewBox.baseVal.height, box = svg.getBoundingClientRect();
    this.figure.style.setProperty("--rest", `${(1 - share) * 100}%`);
    this.figure.style.setProperty("--now", `${box.top + share * box.height - this.figure.getBoundingClientRect().top}px`);
  }

  play() {
    if (Number(this.slider.value) >= END) this.slider.value = 0;
    this.playButton.textContent = "暂停";
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.stop = still ? this.step() : this.flow(Number(this.slider.value));
  }

  go(place) {
    this.slider.value = Math.min(place, END);
    this.seek();
    if (place >= END) this.pause();
  }

  /** 连续地走，每秒 SPEED 像素。@returns {() => void} 停下 */
  flow(from) {
    const axis = axisOf(this.svg()), high = axis.length ? axis.at(-1)[1] - axis[0][1] : 1, since = performance.now();
    const frame = (now) => {
      next = requestAnimationFrame(frame);
      this.go(from + Math.max(now - since, 0) / 1000 * SPEED / high * END);
    };
    let next = requestAnimationFrame(frame);
    return () => cancelAnimationFrame(next);
  }

  /** 不要动画：一步一停，每步十分之一。@returns {() => void} 停下 */
  step() {
    const timer = setInterval(() => this.go(Number(this.slider.value) + END / 10), PACE);
    return () => clearInterval(timer);
  }

  pause() {
    this.stop?.();
    this.stop = null;
    this.playButton.textContent = "播放";
  }
}

// ---------------------------------------------------------------- Lab 里借用书页

/** JupyterLab 旁边由 make serve 送出的书，它的 _static/；不在 Lab 里则为空。 */
function bookStatic() {
  const config = document.getElementById("jupyter-config-data");
  return config ? `${JSON.parse(config.textContent).baseUrl}book/_static/` : "";
}

function bring(tag, props, dataset = {}) {
  return new Promise((resolve, reject) => {
    const node = make(tag, {...props, onload: resolve, onerror: reject, async: false});
    Object.assign(node.dataset, dataset);
    document.head.append(node);
  });
}

/** 书页的宿主和页内内核，一个网页里只取一次；书没有带着页内内核则为 null。 */
async function pageHost(place) {
  const kernel = await fetch(`${place}page_kernel/current.json`).then((answer) => (answer.ok ? answer.text() : ""), () => "");
  if (!kernel) return null;
  const sheets = ["sockscope/colours.css", "sockscope/figure.css"].map((href) => bring("link", {rel: "stylesheet", href: place + href}));
  const scripts = ["clean.js", "page_kernel/client.js", "sockscope/explorer.js", "host.js"]
    .map((src) => bring("script", {src: place + src}, src.includes("client") ? {kernel} : {}));
  await Promise.all([...sheets, ...scripts]);
  return window.sockscopeOpenExplorer;
}

/** 这台机器做不了现场实验：换成书页里的那一种，它有录制，也能启动页内内核。 */
async function borrow(view, model, el) {
  const open = await (window.sockscopePageHost ??= pageHost(bookStatic()).catch(() => null));
  if (!open || !el.isConnected) return;
  view.close();
  open(el, {experiment: model.get("experiment"), values: model.get("values"), payload: model.get("payload")});
}

export default {
  /** @param {{model: Model, el: HTMLElement}} context */
  render({model, el}) {
    const view = new View(model, el);
    if (model.get("elsewhere") && bookStatic()) borrow(view, model, el);
    if (!model.get("payload")?.live && !model.get("still")) view.ask();
    return () => view.close();
  },
};
