// 书页里“你的内核与书”的宿主：书由 make serve 提供时，请那台服务器在它的内核上全部再做一遍；静态网站上什么也不做。

(() => {
  const marker = document.getElementById("sockscope-server");
  const el = document.querySelector(".sockscope-kernel-panel");
  if (!marker || !el) return;
  const {base, xsrf} = JSON.parse(marker.textContent);
  const LOST = "书的服务器没有回答：它可能已经停了。重新运行 make serve，再刷新本页。";
  const PACE = 500; // 多久问一次进展，毫秒

  class Model {
    constructor(state) {
      Object.assign(this, {state, asked: 0, halted: 0, changed: () => {}});
    }

    get(name) { return this[name]; }
    on(_name, handler) { this.changed = handler; }

    set(name, value) {
      this.method = name === "asked" ? "POST" : "DELETE";
      this[name] = value;
    }

    async save_changes() {
      await this.ask(this.method);
      if (this.method === "POST") this.follow();
    }

    async ask(method) {
      const answer = await fetch(`${base}sockscope/compare`, {
        method, credentials: "same-origin", headers: {"X-XSRFToken": xsrf},
      }).catch(() => null);
      this.state = answer?.ok ? await answer.json() : {...this.state, running: false, error: LOST};
      this.changed();
    }

    /** 做着的时候隔一会儿问一次。 */
    async follow() {
      while (this.state.running) {
        await new Promise((resolve) => setTimeout(resolve, PACE));
        await this.ask("GET");
      }
    }
  }

  const model = new Model({running: false, done: 0, total: 1, what: "", html: "", report: "", error: ""});
  window.sockscopeKernelPanel.render({model, el});
  model.ask("GET").then(() => model.follow());
})();
