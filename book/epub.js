// 一页书做成电子书里的一份 XHTML：纸上不出现的（print.css）去掉，图各自成一个 SVG 文件，只留电子书认得的属性。由 epub.py 在浏览器里执行。

(name) => {
  const KEPT = ["id", "class", "href", "src", "alt", "colspan", "rowspan", "scope", "start", "lang"];
  const ROOT = new URL(name.includes("/") ? "../" : "./", location.href).href;
  const article = document.querySelector(".bd-article"), figures = [], images = [];
  const renamed = (old, tag, className = old.className) => {
    const fresh = document.createElement(tag);
    Object.assign(fresh, {className, id: old.id});
    fresh.append(...old.childNodes);
    old.replaceWith(fresh);
    return fresh;
  };
  const words = (svg) => svg.querySelector(":scope > desc, :scope > title")?.textContent ?? svg.getAttribute("aria-label") ?? "";

  dispatchEvent(new Event("beforeprint"));
  for (const whole of article.querySelectorAll(".ss-whole")) whole.nextElementSibling.querySelector("svg").dataset.words = words(whole);

  // 题的选项只留题面，答案在最后；别的折叠都摊开
  for (const quiz of article.querySelectorAll(".sockscope-quiz")) {
    quiz.querySelector("p")?.prepend(`${quiz.dataset.number}　`);
    for (const option of quiz.querySelectorAll("details")) {
      const line = renamed(option.querySelector("summary"), "p", "option");
      line.prepend("□　");
      option.replaceWith(line);
    }
  }
  for (const part of article.querySelectorAll("details")) renamed(part, "div");
  for (const part of article.querySelectorAll("summary")) renamed(part, "div", "summary");
  for (const part of article.querySelectorAll("label")) renamed(part, "p", "label");

  const svgs = [...article.querySelectorAll("svg")];
  const hidden = [...article.querySelectorAll("*")].filter((node) => !node.closest("svg > *") && getComputedStyle(node).display === "none");
  for (const node of [...hidden, ...article.querySelectorAll("script, style, noscript, button, input, nav, template, .ss-here, .copybtn")]) node.remove();

  for (const svg of svgs) {
    if (!svg.isConnected) continue;
    const {width, height} = svg.viewBox.baseVal, image = document.createElement("img");
    const told = svg.dataset.words ?? words(svg), file = `figures/${name.replace("/", "-")}-${figures.length}.svg`;
    for (const node of [svg, ...svg.querySelectorAll("*")]) {
      for (const {name: attribute} of [...node.attributes]) {
        if (/^(data-|aria-|role|tabindex)/.test(attribute) || (node === svg && attribute === "style")) node.removeAttribute(attribute);
      }
    }
    svg.classList.remove("wide");
    Object.assign(image, {alt: told});
    image.dataset.file = file;
    figures.push({file, text: new XMLSerializer().serializeToString(svg), width, height});
    svg.replaceWith(image);
  }

  for (const node of article.querySelectorAll("*")) {
    const {file} = node.dataset, address = node.href ?? "", source = node.src ?? "";
    for (const {name: attribute} of [...node.attributes]) if (!KEPT.includes(attribute)) node.removeAttribute(attribute);
    for (const attribute of ["id", "class"]) if (!node.getAttribute(attribute)) node.removeAttribute(attribute);
    if (file) node.setAttribute("src", `${ROOT}${file}`);
    else if (source) images.push(decodeURIComponent(source.replace(ROOT, "")));
    for (const [attribute, value] of [["href", address], ["src", node.src ?? ""]]) {
      if (value.startsWith(ROOT)) node.setAttribute(attribute, `book:${decodeURIComponent(value.replace(ROOT, ""))}`);
    }
  }
  const headings = [...article.querySelectorAll(":scope > section > section")]
    .map((part) => [part.id, part.querySelector("h2")?.textContent ?? ""]).filter(([id, text]) => id && text);
  return {body: new XMLSerializer().serializeToString(article), figures, images, headings};
}
