// 包：录制与图，一包是一个脚本（ext/packs.py），要看才取，取来才解。

(() => {
  const STATIC = new URL(".", document.currentScript.src).href;
  const fetched = new Map(); // 取过的包：名字 → Promise
  const arrived = new Map(); // 取来而没有解开的
  const LOST = "没有取到，请刷新本页再试。";

  /** 一包报到。@param {string} name @param {string} text */
  window.sockscopePacked = (name, text) => arrived.set(name, text);

  /** 解开：里面的名字 → JSON。 */
  function opened(name) {
    const bytes = Uint8Array.from(atob(arrived.get(name)), (one) => one.charCodeAt(0));
    arrived.delete(name);
    const lines = new TextDecoder().decode(window.fzstd.decompress(bytes)).split("\n");
    return new Map(lines.map((line) => [line.slice(0, line.indexOf("\t")), line.slice(line.indexOf("\t") + 1)]));
  }

  function load(src) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.onload = resolve;
      script.onerror = () => { script.remove(); reject(new Error(LOST)); };
      script.src = src;
      document.head.append(script);
    });
  }

  /** 取一包。@param {string} name @returns {Promise<Map<string, string>>} */
  function pack(name) {
    if (!fetched.has(name)) {
      const coming = load(`${STATIC}${name}.js`).then(() => opened(name));
      fetched.set(name, coming);
      coming.catch(() => fetched.delete(name)); // 这一次没有取到，下一次再取
    }
    return fetched.get(name);
  }

  /** 包里的一样东西；没有则为 undefined。@returns {Promise<any>} */
  async function unpacked(name, key) {
    const found = (await pack(name)).get(key);
    return found === undefined ? undefined : JSON.parse(found);
  }

  window.sockscopePacks = {pack, unpacked};
})();
