// 页内内核交来的 HTML 先洗过才放进书页：读者运行的程序只许画图写字，不许往书页里放脚本。洗的人是 DOMPurify，用到才取。
// 别的脚本用 window.sockscopeClean：ready() 取来，html(文字) 洗一段，payload(报告) 洗一份报告里的图。

(() => {
  const PURIFY = new URL("vendor/dompurify/purify.min.js", document.currentScript.src).href;
  let coming = null;

  function load(src) {
    return new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), {src, onload: resolve});
      script.onerror = () => reject(new Error("书页的一个脚本没有取到，请刷新本页再试。"));
      document.head.append(script);
    });
  }

  const html = (text) => window.DOMPurify.sanitize(text);
  window.sockscopeClean = {
    load,
    ready: () => (coming ??= load(PURIFY).catch((problem) => { coming = null; throw problem; })),
    html,
    payload: (report) => ({...report, wide: html(report.wide), narrow: html(report.narrow)}),
  };
})();
