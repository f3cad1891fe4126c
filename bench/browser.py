"""浏览器里的两个数：拨动开关到新图上屏要多久，带交互实验的书页有多少脚本。"""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import Untested

BOOK = Path(__file__).parents[1] / "_build" / "html"
CHAPTER = "chapters/05_closing.html"
NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]
SERVE = "import sys, pathlib; from sockscope.serve.__main__ import serve; serve(pathlib.Path(sys.argv[1]), 0)"
TOGGLES = 20
LONG = 60_000  # 毫秒：在忙的机器上等 JupyterLab


def figures() -> Iterator[tuple[str, Callable[[], str]]]:
    yield "JupyterLab 里拨动开关到新图上屏（扣除实验自己的时间）", toggle
    yield "带交互实验的书页的脚本", weight


@contextmanager
def page(**options) -> Iterator:
    """一张空白的浏览器页。"""
    from playwright.sync_api import sync_playwright
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise Untested("没有 Chromium；sudo apt-get install chromium 之后再测。")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser.new_page(**options)
        browser.close()


# ---------------------------------------------------------------- 拨动开关

def toggle() -> str:
    with lab() as address, page() as tab:
        shown = open_explorer(tab, address)
        beyond = [one_toggle(tab, shown, how) for how in ["SHUT_WR", "close"] * (TOGGLES // 2)]
    return (f"{statistics.median(beyond):.0f} ms（目标 100 以内；{TOGGLES} 次中最快 {min(beyond):.0f}，"
            f"最慢 {max(beyond):.0f}）")


@contextmanager
def lab() -> Iterator[str]:
    """开在临时文件夹里的 JupyterLab，里面有一本只有主实验的笔记本；给出它的地址。"""
    with tempfile.TemporaryDirectory() as folder:
        cell = {"cell_type": "code", "id": "play", "metadata": {}, "outputs": [], "execution_count": None,
                "source": 'from sockscope import explorer\nexplorer("closing")'}
        kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        Path(folder, "play.ipynb").write_text(json.dumps(notebook))
        with subprocess.Popen([sys.executable, "-c", SERVE, folder], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, cwd=folder) as server:
            found = next(filter(None, (re.search(r"(http://\S+/lab)\?token=(\w+)", line) for line in server.stdout)))
            yield f"{found[1]}/tree/play.ipynb?reset&token={found[2]}"
            server.terminate()


def open_explorer(tab, address: str):
    """打开笔记本，运行全部单元格，等到第一张实时的图。"""
    tab.goto(address)
    tab.locator(".jp-StatusBar-TextItem", has_text="| 空闲").wait_for(timeout=LONG)
    tab.locator(".lm-MenuBar-itemLabel", has_text="运行").click()
    tab.locator(".lm-Menu-itemLabel", has_text=re.compile("^运行所有单元格$")).click()
    tab.locator(".ss[data-latency]:not(.running)").wait_for(timeout=LONG)
    return tab.locator(".ss")


def one_toggle(tab, shown, how: str) -> float:
    """拨到 ``how``；从点击到新图画好，扣除实验自己的时间，毫秒。"""
    shown.evaluate("shown => { delete shown.dataset.latency; }")
    label = {"SHUT_WR": "shutdown(SHUT_WR)", "close": "close()"}[how]
    shown.locator("label", has_text=re.compile(f"^{re.escape(label)}$")).click()
    tab.locator(f'.ss[data-latency][data-key^="{how}."]:not(.running)').wait_for(timeout=LONG)
    return float(shown.get_attribute("data-latency")) - float(shown.get_attribute("data-protocol"))


# ---------------------------------------------------------------- 书页的脚本

def weight() -> str:
    if not (BOOK / CHAPTER).exists():
        raise Untested("书还没有构建；先运行 make book。")
    with site() as base, page() as tab:
        sizes: dict[str, int] = {}
        tab.on("response", lambda answer: answer.request.resource_type == "script"
               and sizes.update({answer.url: len(answer.body())}))
        tab.goto(base + CHAPTER)
        tab.wait_for_load_state("networkidle")
        before = sum(sizes.values())
        tab.locator(".ss").first.hover()
        tab.locator(".ss-more summary").first.wait_for()
    return f"{before / 1000:.0f} kB（目标 150 以内）；每看一条录制再取 {(sum(sizes.values()) - before) / 1000:.0f} kB"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def site() -> Iterator[str]:
    """普通的静态网站，内容是构建好的书。"""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=BOOK)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
