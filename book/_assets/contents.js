// 右边的“本页内容”跟着读者：标出正在读的那一节，打开它的下一级，也让它留在看得见的地方。折着的小节里面看不见，就不算。

(() => {
  const nav = document.getElementById("page-contents");
  if (!nav) return;
  const entries = [...nav.querySelectorAll("a[href^='#']")].map((link) => ({link,
    section: document.getElementById(decodeURIComponent(link.hash.slice(1)))})).filter(({section}) => section);
  let current = null, waiting = false;

  /** 正在读的：最后一个开头已经过了屏幕三分之一处的；到了页底，是最后一个看得见的。 */
  function reading() {
    const line = innerHeight / 3;
    const shown = entries.filter(({section}) => section.getClientRects().length);
    const bottom = Math.ceil(scrollY + innerHeight) >= document.documentElement.scrollHeight - 2 && scrollY > 0;
    return shown.filter(({section}) => section.getBoundingClientRect().top <= (bottom ? innerHeight - 60 : line)).at(-1)
      ?? shown.slice(0, 1).find(({section}) => section.getBoundingClientRect().top < innerHeight);
  }

  /** 页首的一行里，读到哪一部分。 */
  function trail(heading) {
    const place = document.querySelector(".trail-part"), link = heading?.querySelector(".headerlink");
    if (place) place.textContent = heading ? heading.textContent.slice(0, link ? -link.textContent.length : undefined) : "";
  }

  function follow() {
    waiting = false;
    const found = reading();
    if (found === current) return;
    current = found;
    for (const {link} of entries) {
      link.classList.toggle("active", link === found?.link);
      if (link === found?.link) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    }
    for (const item of nav.querySelectorAll(".toc-entry")) item.classList.toggle("active", item.contains(found?.link ?? null));
    trail(found?.section.closest(".bd-article > section > section")?.querySelector("h2"));
    if (!found) return;
    const frame = nav.closest(".bd-sidebar-secondary");
    const inside = found.link.getBoundingClientRect(), around = frame?.getBoundingClientRect();
    if (around && (inside.top < around.top || inside.bottom > around.bottom)) frame.scrollTop += inside.top - around.top - around.height / 3;
  }

  const soon = () => { if (!waiting) { waiting = true; requestAnimationFrame(follow); } };
  for (const event of ["scroll", "resize", "hashchange"]) addEventListener(event, soon, {passive: true});
  document.addEventListener("toggle", soon, true);
  follow();
})();
