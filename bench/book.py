"""``python -m bench.book``：每一页书有多重：字节、节点、第一张图多久能看、页面跳不跳。

    python -m bench.book                     # 构建好的书，桌面与手机各一遍，写成一张表
    python -m bench.book --at _build/html    # 别的构建，如 Jupyter Book 缺省的那一种，并排比较
"""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from sockscope.terminal import Parser, speak_chinese

ROOT = Path(__file__).parents[1]
WIDTHS = {"桌面": (1280, 800), "手机": (390, 844)}
WATCH = """
window.weighed = {shift: 0, longest: 0};
const every = (type, work) => new PerformanceObserver((seen) => seen.getEntries().forEach(work)).observe({type, buffered: true});
every("layout-shift", ({value, hadRecentInput}) => { if (!hadRecentInput) weighed.shift += value; });
every("longtask", ({duration}) => { weighed.longest = Math.max(weighed.longest, duration); });
addEventListener("DOMContentLoaded", () => document.querySelector(".ss-later")?.scrollIntoView({block: "center"}));
new MutationObserver((_, me) => {
  if (document.querySelector("svg.sockscope")) { weighed.figure = performance.now(); me.disconnect(); }
}).observe(document, {childList: true, subtree: true});
"""
ASK = """() => ({...weighed, nodes: document.querySelectorAll("*").length,
  fetched: performance.getEntriesByType("resource").reduce((total, one) => total + one.encodedBodySize, 0)})"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """一个普通的静态网站；给出根地址。"""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def weigh(browser: Browser, address: str, size: tuple[int, int]) -> dict[str, float]:
    """打开一页，一开始就在第一张图那里；等它静下来再称。"""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.add_init_script(WATCH)
    page.goto(address, wait_until="networkidle")
    found: dict[str, float] = page.evaluate(ASK)
    page.close()
    return {"figure": 0} | found


def main(arguments: list[str] | None = None) -> int:
    speak_chinese()
    parser = Parser(prog="python -m bench.book", description="每一页书有多重。")
    parser.add_argument("--at", metavar="文件夹", type=Path, default=ROOT / "_build" / "html", help="构建好的书")
    parser.add_argument("--only", metavar="字样", default="", help="只称路径里有这几个字的页")
    chosen = parser.parse_args(arguments)
    pages = sorted(p for p in chosen.at.rglob("*.html") if "_static" not in p.parts and chosen.only in str(p))
    size = sum(p.stat().st_size for p in chosen.at.rglob("*") if p.is_file())
    print(f"整本 {size / 1e6:.1f} MB，{len(pages)} 页。节点数的是打开以后、什么也没有动的时候；第一张图的毫秒从打开页面数起。")
    print("| 页 | HTML | 连同取来的 | 节点 桌面/手机 | 第一张图 桌面/手机 | 跳动 桌面/手机 | 最长的一段脚本 |")
    print("|---" * 7 + "|")
    with site(chosen.at) as base, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for page in pages:
            name = page.relative_to(chosen.at).as_posix()
            one, two = (weigh(browser, base + name, shape) for shape in WIDTHS.values())
            html = page.stat().st_size
            print(f"| {name} | {html / 1e3:.0f} kB | {(html + one['fetched']) / 1e3:.0f} kB | {one['nodes']}/{two['nodes']} "
                  f"| {one['figure']:.0f}/{two['figure']:.0f} ms | {one['shift']:.3f}/{two['shift']:.3f} "
                  f"| {max(one['longest'], two['longest']):.0f} ms |", flush=True)
        browser.close()
    return 0


def chromium() -> str | None:
    """系统里的 Chromium；没有就用 playwright 自己的。"""
    from shutil import which

    return next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)


if __name__ == "__main__":
    raise SystemExit(main())
