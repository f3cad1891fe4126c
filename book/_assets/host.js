// 静态书页里 explorer.js 的宿主：没有内核时播放录制，由 make serve 提供时请本机内核真的做一遍。
// 录制是一个个脚本（_static/recordings/实验/变体.js），要看哪个才取哪个，所以从 file:// 打开也行。

(() => {
  const STATIC = new URL(".", document.currentScript.src).href;
  const waiting = new Map();

  /** 录制脚本报到。@param {string} name @param {string} key @param {object} payload */
  window.sockscopeRecorded = (name, key, payload) => waiting.get(`${name}/${key}`)?.(payload);

  /** 取一条录制；没有录过则为 null。 */
  function recording(name, key) {
    return new Promise((resolve) => {
      const script = document.createElement("script");
      waiting.set(`${name}/${key}`, resolve);
      script.src = `${STATIC}recordings/${name}/${encodeURIComponent(key)}.js`;
      script.onload = () => script.remove();
      script.onerror = () => resolve(null);
      document.head.append(script);
    });
  }

  /** 提供本页的 Jupyter 服务器；静态网站和 file:// 上没有。 */
  function server() {
    const marker = document.getElementById("sockscope-server");
    return marker && JSON.parse(marker.textContent);
  }

  async function ask(host, body) {
    const answer = await fetch(host.run, {
      method: "POST", credentials: "same-origin", body: JSON.stringify(body),
      headers: {"Content-Type": "application/json", "X-XSRFToken": host.xsrf},
    });
    const result = await answer.json();
    if (!answer.ok) throw new Error(result.message || `服务器答复 ${answer.status}。`);
    return result;
  }

  /** 变体的名字，与 Experiment.key 相同；是与否写成 1 与 0。 */
  function key(experiment, values) {
    const parts = experiment.parameters.map(({name}) => (typeof values[name] === "boolean" ? Number(values[name]) : values[name]));
    return parts.join(".") || "default";
  }

  class Model {
    constructor(start) {
      this.state = {values: {}, drop: [], request: 0, payload: null, running: false, error: "", still: true, ...start};
      this.listeners = {};
      this.answered = 0;
    }

    get(name) { return this.state[name]; }
    on(name, handler) { (this.listeners[name] ??= []).push(handler); }
    off(name, handler) { this.listeners[name] = (this.listeners[name] ?? []).filter((one) => one !== handler); }

    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      for (const handler of this.listeners[`change:${name}`] ?? []) handler();
    }

    /** 部件要再跑一遍：只理会最后一次请求。 */
    async save_changes() {
      const mine = this.state.request;
      this.set("running", true);
      try {
        const payload = await this.answer();
        if (mine !== this.state.request) return;
        this.set("error", "");
        this.set("payload", payload);
      } catch (problem) {
        if (mine === this.state.request) this.set("error", problem.message);
      }
      if (mine === this.state.request) this.set("running", false);
    }

    async answer() {
      const {experiment, values, drop} = this.state, host = server();
      if (host) return ask(host, {experiment: experiment.name, parameters: values, drop});
      const found = drop.length > 1 ? null : await recording(experiment.name, this.name(drop[0]));
      if (!found) throw new Error("这一种没有录制。运行 make serve，就能在你自己的内核上做。");
      return found;
    }

    name(signature) {
      const {experiment, values, cuts} = this.state, variant = key(experiment, values);
      if (!signature) return variant;
      return `${variant}~${(cuts?.[variant] ?? []).indexOf(signature)}`;
    }

    /** 页面里的图是缺省变体；读者一靠近，就取来它的字节与解释。 */
    async settle() {
      const {experiment} = this.state;
      const payload = await recording(experiment.name, this.name());
      if (payload && !this.state.payload) this.set("payload", payload);
    }
  }

  function open(el) {
    const model = new Model(JSON.parse(el.dataset.start));
    window.sockscopeExplorer.render({model, el});
    const near = () => { if (!model.get("payload")) model.settle(); };
    for (const event of ["pointerenter", "focusin"]) el.addEventListener(event, near, {once: true});
  }

  document.querySelectorAll(".sockscope-explorer").forEach(open);
})();
