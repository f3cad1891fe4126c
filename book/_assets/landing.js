// 首页：图走近了就自己放一遍（不要动画的读者除外），并说一句在这台机器上做得了什么。

(() => {
  const kernel = window.sockscopePageKernel;
  const system = () => {
    const told = `${navigator.userAgentData?.platform ?? ""} ${navigator.userAgent}`;
    return [[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]]
      .find(([pattern]) => pattern.test(told))?.[1] ?? "这台设备";
  };

  /** 一句话：读、放录制在哪里都行；现场的实验要看系统，和书里有没有页内内核。 */
  function sentence() {
    const name = system(), marker = document.getElementById("sockscope-server");
    if (marker && JSON.parse(marker.textContent).live) return "这本书由你的 JupyterLab 提供：点“运行”，实验就在这台机器的内核里做。";
    const here = `你用的是 ${name}：读、检索、放录制、做谜题都行，断了网也行`;
    if (kernel && !kernel.obstacle) return `${here}；点“启动页内内核”，实验就在这一页里真的做一遍。`;
    if (name === "Linux") return `${here}；下载以后运行 make serve，实验在你自己的内核里做。`;
    return `${here}；现场的实验要一台 Linux${name === "Windows" ? "（WSL 2 就是）" : ""}。`;
  }

  const place = document.querySelector(".your-system");
  if (place) place.textContent = sentence();

  const alive = document.querySelector(".landing .alive");
  const seen = alive && new IntersectionObserver(([{isIntersecting}]) => {
    if (!isIntersecting) return;
    seen.disconnect();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches, fresh = () => alive.querySelector(".ss.fresh .ss-play");
    const wait = setInterval(() => {
      alive.querySelector(".sockscope-explorer").dispatchEvent(new Event("pointerenter")); // 动手了，就去取来完整的录制
      if (fresh()) { clearInterval(wait); if (!still) fresh().click(); }
    }, 100);
    setTimeout(() => clearInterval(wait), 30_000); // 没有取到录制：图停着，也能看
  }, {threshold: 0.5});
  seen?.observe(alive);
})();
