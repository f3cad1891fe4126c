// 页内内核在书页这一边：取来、启动、提问。内核在 worker.js 里，书页不会停顿；读者点了按钮才有它，离开这一页就没有了。
// 别的脚本用 window.sockscopePageKernel：state、sentence、start()、ask()、restart()、onchange()。

(() => {
  const HERE = new URL(".", document.currentScript.src).href;
  const {version, bytes} = JSON.parse(document.currentScript.dataset.kernel);
  const FILE = "从文件打开的网页不许启动页内内核：浏览器不让它取文件。把这个文件夹放到一个网站上，或者运行 make serve。";
  const INSECURE = "这一页是经 http 送来的，浏览器不给它核对摘要的工具，所以不启动页内内核。请用 https，或在本机打开。";
  const WASM = "这个浏览器不能运行 WebAssembly（或者被设置禁止了），启动不了页内内核。";
  const OLD = "这个浏览器太旧，启动不了页内内核（要 2023 年以后的）。";
  const KILLED = "页内内核停了：浏览器收回了它的内存，或者它自己出了错。再点一次就重新启动。";

  class PageKernel {
    constructor() {
      Object.assign(this, {state: "off", sentence: "", share: 0, about: null, kept: false, bytes, worker: null, serial: 0,
        waiting: new Map(), listeners: new Set(), starting: null});
    }

    /** 启动不了的原因；能启动则为空。 */
    get obstacle() {
      if (location.protocol === "file:") return FILE;
      if (typeof WebAssembly === "undefined") return WASM;
      if (!window.isSecureContext || !window.crypto?.subtle) return INSECURE;
      return typeof Worker === "undefined" || typeof DecompressionStream === "undefined" ? OLD : "";
    }

    /** 状态变了就叫 listener：off、loading（share 是取来的几分之几）、booting、on、failed（sentence 是原因）。 */
    onchange(listener) { this.listeners.add(listener); listener(this); }

    set(state, more = {}) {
      Object.assign(this, {state, ...more});
      for (const listener of this.listeners) listener(this);
    }

    /** 启动；已经启动就立刻返回。失败抛 Error，消息是一句话。 */
    start() {
      if (!this.starting) this.starting = this.boot().catch((problem) => {
        this.lose(problem.message);
        throw problem;
      });
      return this.starting;
    }

    async boot() {
      if (this.obstacle) throw new Error(this.obstacle);
      this.set("loading", {share: 0, sentence: ""});
      const seed = Array.from(crypto.getRandomValues(new Uint8Array(32)), (b) => b.toString(16).padStart(2, "0")).join("");
      // 从 blob 开的 Worker 照这一页的内容安全策略办事：它和里面的内核只能向书自己的网站取东西
      const shim = URL.createObjectURL(new Blob([`importScripts(${JSON.stringify(`${HERE}worker.js`)});`], {type: "text/javascript"}));
      await new Promise((resolve, reject) => {
        this.worker = new Worker(shim);
        this.worker.onerror = () => reject(new Error(KILLED));
        this.worker.onmessage = ({data}) => this.heard(data, resolve, reject);
        this.worker.postMessage({start: {base: HERE, version, now: Date.now(), seed}});
      });
      this.worker.onerror = () => this.lose(KILLED);
    }

    heard(data, resolve, reject) {
      if (data.progress) this.set("loading", {share: data.progress[0] / data.progress[1]});
      else if (data.booting) this.set("booting");
      else if (data.kept) this.set(this.state, {kept: true});
      else if (data.ready) { this.set("on", {about: data.ready}); resolve(); }
      else if (data.failed && this.state === "on") this.lose(data.failed);
      else if (data.failed) reject(new Error(data.failed));
      else if (data.line) this.answered(JSON.parse(data.line));
    }

    answered({id, output, ok, wrong}) {
      const one = this.waiting.get(id);
      if (!one) return;
      if (output) return one.onoutput(output);
      this.waiting.delete(id);
      if (ok) one.resolve(ok); else one.reject(new Error(wrong));
    }

    /** 内核没有了：等着的都得到一句话，可以重新启动。 */
    lose(sentence) {
      this.worker?.terminate();
      this.worker = this.starting = null;
      for (const one of this.waiting.values()) one.reject(new Error(sentence));
      this.waiting.clear();
      this.set("failed", {sentence});
    }

    /**
     * 问一句（见 guest/agent.py 的表），得到 ok；没有做成抛 Error。
     * @param {object} question  没有 id 的请求
     * @param {{signal?: AbortSignal, onoutput?: (output: object) => void}} options  signal 用来打断
     */
    async ask(question, {signal, onoutput = () => {}} = {}) {
      await this.start();
      const id = ++this.serial;
      const answer = new Promise((resolve, reject) => this.waiting.set(id, {resolve, reject, onoutput}));
      const interrupt = () => this.worker?.postMessage({line: JSON.stringify({do: "interrupt", of: id})});
      signal?.addEventListener("abort", interrupt, {once: true});
      this.worker.postMessage({line: JSON.stringify({...question, id})});
      return answer.finally(() => signal?.removeEventListener("abort", interrupt));
    }

    /** 从快照重来：名字都没有了。 */
    restart() {
      this.lose("页内内核重新启动了。");
      return this.start();
    }
  }

  window.sockscopePageKernel = new PageKernel();
})();
