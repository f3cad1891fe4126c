"""印刷：在真的 Chromium 里打开构建好的书，一页一页做成纸上的样子。make pdf 与 make epub 都从这里开始。

纸上是什么样，写在 ``_assets/print.css``（藏起什么、怎样分页）与 ``_assets/print.js``（折起来的打开、太高的图分段、
题的答案放到最后）：读者自己打印一页，也是同一条路。
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
RELEASE = ROOT / "_build" / "release"
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PATIENCE = 600_000  # 毫秒；只为不永远等下去
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--no-first-run", "--allow-file-access-from-files"]


class Missing(Exception):
    """做不了：消息是一句话，缺什么，怎样补上。"""


@dataclass(frozen=True)
class Leaf:
    """书的一页：名字（``chapters/05_closing``）、标题、它开头的那一部分（“连接”；不是一部分的第一页则为空）。"""

    name: str
    title: str
    part: str = ""

    @property
    def url(self) -> str:
        return (HTML / f"{self.name}.html").as_uri()


def build() -> None:
    """书旧了就先构建。"""
    if subprocess.run([sys.executable, str(ROOT / "book" / "build.py")], check=False).returncode:
        raise Missing("书没有构建成功，原因见上。")


@contextmanager
def press() -> Iterator[Any]:
    """一个 Chromium 的页面，浅色，不许向外部请求。"""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Missing("缺少 playwright：运行 make，它会把环境建好。") from None
    chosen = os.environ.get("SOCKSCOPE_BROWSER")
    path = next(filter(None, map(shutil.which, [chosen] if chosen else BROWSERS)), None)
    if path is None:
        raise Missing("没有找到 Chromium：安装它（sudo apt install chromium fonts-noto-cjk），"
                      "或者把它的路径写在 SOCKSCOPE_BROWSER 里。")
    if (fonts := shutil.which("fc-list")) and not subprocess.run([fonts, ":lang=zh"], capture_output=True, check=False).stdout:
        raise Missing("没有中文字体：安装一种（sudo apt install fonts-noto-cjk）。")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light", locale="zh-CN")
        page.set_default_timeout(PATIENCE)
        page.route(lambda url: not url.startswith(("file:", "data:", "blob:")), lambda route: route.abort())
        yield page
        browser.close()


SCREEN_ONLY = {"book/progress"}  # 记在读者设备上的，纸上没有
CONTENTS = """[...document.querySelectorAll(".toctree-wrapper")].flatMap((part) =>
    [...part.querySelectorAll("a")].map((link, k) => ({
        name: link.getAttribute("href").replace(/\\.html$/, ""), title: link.firstChild.textContent,
        part: k ? "" : part.querySelector(".caption-text").textContent})))"""


def leaves(page: Any) -> list[Leaf]:
    """目录的次序：首页之外的全部书页。"""
    page.goto((HTML / "index.html").as_uri())
    return [leaf for found in page.evaluate(CONTENTS) if (leaf := Leaf(**found)).name not in SCREEN_ONLY]


def open_leaf(page: Any, name: str) -> None:
    """打开一页，等它的图都取来。"""
    page.goto((HTML / f"{name}.html").as_uri())
    page.wait_for_load_state("networkidle")
    page.evaluate("sockscopeReady()")
