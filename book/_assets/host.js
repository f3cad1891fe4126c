// 静态书页里 explorer.js 的宿主：没有内核时播放录制，由 make serve 提供时请本机内核真的做一遍。
// 一个实验的录制是一包（packs.js），要看才取，所以从 file:// 打开也行。

(() => {
  const IN_PAGE = "实时（页内内核）";
  const kernel = window.sockscopePageKernel; // 书里带着页内内核才有（page_kernel/client.js）
  const WAY = kernel && !kernel.obstacle ? "启动页内内核，就能在这一页里做一遍。" : "在自己的机器上运行 make serve，就能让你的内核做一遍。";
  const UNRECORDED = `这一种没有录制。${WAY}`;
  const UNREACHABLE = "书的服务器没有回答：它可能已经停了。重新运行 make serve，再刷新本页。";

  /** 取一条录制。@returns {Promise<object>} */
  const recording = (name, key) => window.sockscopePacks.unpacked(`recordings/${name}`, key);

  /** 提供本页、又做得了现场实验的 Jupyter 服务器；静态网站和 file:// 上没有。它做不了而页内内核做得了，也当作没有。 */
  function server() {
    const marker = document.getElementById("sockscope-server"), host = marker && JSON.parse(marker.textContent);
    return host && (host.live || !kernel || kernel.obstacle) ? host : null;
  }

  /** 录制的说明里添一句：怎样换成自己的内核。 */
  function invite(payload) {
    if (!server() && kernel && !kernel.obstacle) return {...payload, note: `${payload.note}启动页内内核，就能在这一页里真的做一遍。`};
    const way = server() ? "点“运行”" : "在自己的机器上运行 make serve";
    return {...payload, note: `${payload.note}${way}，就能换成你的内核。`};
  }

  /** 请页内内核真的做一遍。@returns {Promise<object>} */
  async function askPage({experiment, values, drop}, signal) {
    const [answer] = await Promise.all([
      kernel.ask({do: "run", experiment: experiment.name, parameters: values, drop}, {signal}), window.sockscopeClean.ready()]);
    const payload = window.sockscopeClean.payload(answer);
    if (!payload.live) return payload; // 这个内核做不了的，它放的是录制
    return {...payload, label: IN_PAGE, note: `刚刚发生在这一页里：浏览器中的 Linux ${kernel.about.kernel}；每个包都取自网线，时刻是这台机器自己的钟。`};
  }

  /** 每个交互实验上的按钮：启动页内内核；取来多少、为什么没有启动，也写在这里。 */
  function starter(el) {
    const place = document.createElement("p"), go = document.createElement("button"), said = document.createElement("span");
    const size = `${Math.ceil(kernel.bytes / 1e6)} MB`;
    Object.assign(place, {className: "ss-kernel"});
    Object.assign(go, {type: "button"});
    go.addEventListener("click", () => kernel.start().then(() => el.querySelector(".ss-run")?.click(), () => {}));
    said.setAttribute("role", "status");
    place.append(go, said);
    el.querySelector(".ss-toolbar")?.after(place);
    kernel.onchange(({state, share, sentence, about}) => {
      const percent = `${Math.floor(share * 100)} %`;
      go.hidden = !["off", "failed"].includes(state);
      go.textContent = `启动页内内核（${size}）`;
      said.textContent = {off: "", loading: `正在取页内内核：${percent}`, booting: "页内内核正在醒来……",
        on: `页内内核（Linux ${about?.kernel}）开着：点“运行”、拨开关、剪包，都在它里面真的做一遍。`, failed: sentence}[state];
    });
  }

  /** 请服务器真的做一遍。@returns {Promise<object>} */
  async function ask(host, body, signal) {
    const answer = await fetch(host.run, {
      method: "POST", credentials: "same-origin", body: JSON.stringify(body), signal,
      headers: {"Content-Type": "application/json", "X-XSRFToken": host.xsrf},
    }).catch((problem) => { throw signal.aborted ? problem : new Error(UNREACHABLE); });
    const result = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(result.message || UNREACHABLE);
    return result;
  }

  /** 变体的名字，与 Experiment.key 相同：是与否写成 1 与 0；改过的时延跟在 @ 后面。 */
  function variant({experiment, values}) {
    const parts = experiment.parameters.map(({name}) => (typeof values[name] === "boolean" ? Number(values[name]) : values[name]));
    const usual = experiment.typed.find(({name}) => name === "delay").default, delay = values.delay ?? usual;
    return (parts.join(".") || "default") + (delay === usual ? "" : `@${delay}`);
  }

  class Model {
    constructor(start) {
      start.payload = invite(start.payload);
      this.state = {drop: [], recorded: null, cuts: {}, request: 0, halt: -1, running: false, error: "", still: true, ...start};
      this.listeners = {};
      this.waiting = new AbortController();
    }

    get(name) { return {cuttable: () => this.cuttable(), uncut: () => `剪掉这个包以后的样子没有录。${WAY}`}[name]?.() ?? this.state[name]; }
    on(name, handler) { (this.listeners[name] ??= []).push(handler); }
    off(name, handler) { this.listeners[name] = (this.listeners[name] ?? []).filter((one) => one !== handler); }

    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      this.changed(name);
    }

    /** 部件要再跑一遍，或者叫停：不管哪一种，先前的请求都不再等。 */
    async save_changes() {
      this.waiting.abort();
      const {signal} = this.waiting = new AbortController();
      const stopped = this.state.halt === this.state.request;
      this.set("running", !stopped);
      if (stopped) return this.set("error", "叫停了。");
      const outcome = await this.answer(signal).then((payload) => ({error: "", payload}), ({message}) => ({error: message}));
      if (signal.aborted) return;
      for (const [name, value] of Object.entries({...outcome, running: false})) this.set(name, value);
    }

    async answer(signal) {
      const {experiment, values, drop} = this.state, host = server();
      if (!host && kernel?.state === "on") return askPage(this.state, signal);
      if (host) return ask(host, {experiment: experiment.name, parameters: values, drop}, signal);
      const key = this.recordedKey();
      if (!key) throw new Error(UNRECORDED);
      const payload = await recording(experiment.name, key);
      if (!payload) throw new Error(UNRECORDED);
      return invite(payload);
    }

    /** 现在的开关与剪刀对应哪一条录制；没有录过则为空。剪掉第 k 个包的那条叫“变体~k”。 */
    recordedKey() {
      const {drop, recorded, cuts} = this.state, key = variant(this.state);
      if (!drop.length) return !recorded || recorded.includes(key) ? key : ""; // Lab 里没有表，取来才知道
      const place = drop.length === 1 ? (cuts[key] ?? []).indexOf(drop[0]) : -1;
      return place < 0 ? "" : `${key}~${place}`;
    }

    /** 录过的、还能再剪的包；真的做得了一遍的，什么都剪得，不列。 */
    cuttable() {
      if (server() || kernel?.state === "on" || !this.state.recorded) return null;
      return this.state.drop.length ? [] : this.state.cuts[variant(this.state)] ?? [];
    }

    changed(name) { for (const handler of this.listeners[`change:${name}`] ?? []) handler(); }

    /** 页面里只有图；读者第一次靠近，就取来同一条录制的字节与解释。 */
    async settle() {
      if (this.settled) return;
      this.settled = true;
      const payload = await recording(this.state.experiment.name, variant(this.state)).catch(() => null);
      if (payload && !this.state.request) this.set("payload", invite(payload));
    }
  }

  // ---------------------------------------------------------------- 链接

  /** 这一刻的链接：实验、开关、剪掉的包、看到哪一刻。 */
  function permalink(el, model) {
    const {experiment, drop} = model.state, told = new URLSearchParams({x: experiment.name, v: variant(model.state)});
    if (drop.length) told.set("cut", drop.join("\n"));
    const slider = el.querySelector(".ss-time input");
    if (slider && slider.value !== slider.max) told.set("t", slider.value);
    return `${location.href.split("#")[0]}#${told}`;
  }

  /** 链接里写着的开关；认不出的照缺省。 */
  function restored({experiment, values}, told) {
    const parts = (told.get("v") ?? "").split("@")[0].split(".");
    const chosen = experiment.parameters.map(({name, options}, place) => [name, options.map(([value]) => value)
      .find((value) => String(typeof value === "boolean" ? Number(value) : value) === parts[place]) ?? values[name]]);
    return {...values, ...Object.fromEntries(chosen)};
  }

  /** 地址里有实验的链接：照它打开页上的那一个。 */
  async function follow() {
    const told = new URLSearchParams(location.hash.slice(1)), name = told.get("x");
    const el = name && [...document.querySelectorAll(".sockscope-explorer[data-start]")]
      .find(({dataset}) => JSON.parse(dataset.start).experiment.name === name);
    if (!el) return;
    const start = JSON.parse(el.dataset.start);
    opened.get(el)?.();
    opened.delete(el);
    window.openAround?.(el);
    const model = open(el, {...start, values: restored(start, told), drop: (told.get("cut") ?? "").split("\n").filter(Boolean), request: 1});
    el.scrollIntoView({block: "start"});
    await model.save_changes();
    const slider = el.querySelector(".ss-time input");
    if (told.has("t") && slider) { slider.value = told.get("t"); slider.dispatchEvent(new Event("input")); }
  }

  // ---------------------------------------------------------------- 打开

  const opened = new Map(); // 打开了的：元素 → 怎样关掉它

  /** 在 el 里打开一个交互实验；``start`` 见 widgets/explorer.py 的 Page.start。 */
  function open(el, start = JSON.parse(el.dataset.start)) {
    const model = new Model(start);
    opened.set(el, window.sockscopeExplorer.render({model, el}));
    if (kernel && !server()) starter(el);
    kernel?.onchange(() => model.changed("cuttable"));
    for (const event of ["pointerenter", "focusin"]) el.addEventListener(event, () => model.settle(), {once: true});
    window.sockscopeTake?.(el.firstElementChild, {
      name: model.state.experiment.name, link: () => permalink(el, model),
      text: () => model.state.payload.text ?? el.querySelector("desc")?.textContent ?? "",
      svg: () => [...el.querySelectorAll(".ss-figure svg[data-axis]")].find((svg) => svg.clientWidth),
      pcap: () => model.state.payload.pcap});
    return model;
  }

  const near = new IntersectionObserver((seen) => {
    for (const {isIntersecting, target} of seen) if (isIntersecting) { near.unobserve(target); if (!opened.has(target)) open(target); }
  }, {rootMargin: "300px 0px"});

  /** 接手 root 里面的交互实验：页面里原有的，和运行一格之后新添的；走近了才动手。 */
  window.sockscopeExplorers = (root) => root.querySelectorAll(".sockscope-explorer").forEach((el) => near.observe(el));
  window.sockscopeOpenExplorer = open;
  window.sockscopeExplorers(document);
  addEventListener("beforeprint", () => { // 还没有走近的，纸上也要有题目和开关
    for (const el of document.querySelectorAll(".sockscope-explorer")) if (!opened.has(el)) { near.unobserve(el); open(el); }
  });
  addEventListener("hashchange", follow);
  follow();
})();
