// 带走一张图：它的链接（开关、剪掉的包、看到的那一刻都在里面）、文字、SVG、PNG、pcapng。

(() => {
  const STYLE = [...document.querySelectorAll('link[rel="stylesheet"]')].find(({href}) => href.includes("/sockscope/figure.css"));

  function make(tag, props = {}, ...children) {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  }

  function save(name, blob) {
    const url = URL.createObjectURL(blob);
    make("a", {href: url, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  /** 自足的一份 SVG：样式放进去，没有脚本要的东西，底色是纸。 */
  function alone(svg) {
    const copy = svg.cloneNode(true), {width, height} = svg.viewBox.baseVal;
    const rules = STYLE ? [...STYLE.sheet.cssRules].map(({cssText}) => cssText).join("") : "";
    for (const part of copy.querySelectorAll(".hit")) part.remove();
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    for (const [name, value] of [["width", width], ["height", height]]) copy.setAttribute(name, value);
    copy.removeAttribute("style");
    const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of [["width", "100%"], ["height", "100%"], ["fill", getComputedStyle(document.body).backgroundColor]]) paper.setAttribute(name, value);
    copy.prepend(Object.assign(document.createElementNS("http://www.w3.org/2000/svg", "style"), {textContent: rules}), paper);
    copy.setAttribute("data-theme", document.documentElement.dataset.theme ?? "light");
    return new XMLSerializer().serializeToString(copy);
  }

  async function png(svg, scale = 2) {
    const {width, height} = svg.viewBox.baseVal, image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(alone(svg))}`;
    await image.decode();
    const canvas = make("canvas", {width: width * scale, height: height * scale});
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

  /**
   * 图下面的一行。@param {HTMLElement} place
   * @param {{name: string, svg: () => SVGElement, text: () => string, link: () => string, pcap?: () => string | undefined}} figure
   */
  window.sockscopeTake = (place, {name, svg, text, link, pcap}) => {
    const said = make("span", {});
    said.setAttribute("role", "status");
    const button = (label, work) => make("button", {type: "button", onclick: async () => {
      said.textContent = await Promise.resolve().then(work).then((told) => told ?? "", () => "这个浏览器做不到。");
    }}, label);
    const copy = (label, what, done) => button(label, async () => { await navigator.clipboard.writeText(what()); return done; });
    place.append(make("details", {className: "ss-take"}, make("summary", {}, "带走这张图"), make("div", {},
      copy("复制链接", link, "链接复制好了。"), copy("复制文字", text, "文字复制好了。"),
      button("SVG", () => save(`${name}.svg`, new Blob([alone(svg())], {type: "image/svg+xml"}))),
      button("PNG", async () => save(`${name}.png`, await png(svg()))),
      ...(pcap ? [button("pcapng", () => {
        const packets = pcap();
        if (!packets) return "这一次没有抓包，存不成 pcapng。";
        save(`${name}.pcapng`, new Blob([bytes(packets)], {type: "application/octet-stream"}));
        return "";
      })] : []), said)));
  };
})();
