"""真实的 Chromium。没有它时测试记为跳过；在持续集成里（CI=true）没有它是错误。"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
PATIENCE = 120_000  # 毫秒；只为不永远等下去，忙的机器上也够
expect.set_options(timeout=PATIENCE)
NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Chromium 的路径。"""
    chosen = os.environ.get("SOCKSCOPE_BROWSER")
    if path := next(filter(None, map(shutil.which, [chosen] if chosen else NAMES)), None):
        return path
    if os.environ.get("CI") == "true":
        pytest.fail("持续集成里必须有 Chromium。")
    pytest.skip("没有 Chromium")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """整个进程共用的浏览器。"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@dataclass
class Visit:
    """一次访问：页面，以及它期间的全部请求、脚本的字节数、控制台里的错误。"""

    page: Page
    requests: list[str] = field(default_factory=list)
    scripts: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def outside(self, base: str) -> list[str]:
        """不属于 ``base`` 的请求。"""
        own = (base, base.replace("http", "ws", 1), "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """打开一个地址：``visit(url, width=1280, dark=False)``；外部请求一律拦下，但记下来。

    ``settle=False`` 不等网络静下来：JupyterLab 与它的服务器一直在说话。
    各章折起来的小节都打开，``folded=True`` 则照读者第一次来的样子。
    """
    contexts = []

    def open_page(url: str, *, width: int = 1280, dark: bool = False, settle: bool = True, folded: bool = False) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme="dark" if dark else "light")
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        if not folded:
            context.add_init_script("try { localStorage.setItem('sockscope-unfold', '1'); } catch { /* 这一页不许存 */ }")
        seen = Visit(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on("response", lambda response: _weigh(seen, response))
        context.route(lambda url: not url.startswith(("http://127.0.0.1", "file:")), lambda route: route.abort())
        seen.page.goto(url)
        if settle:
            seen.page.wait_for_load_state("networkidle")
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def page_kernel() -> None:
    """页内内核，和带着它的书；没有就做。"""
    made = (ROOT / "_build/page-kernel/site/current.json").exists()
    for program in ([] if made else ["book/page_kernel/build.py"]) + ["book/build.py"]:
        done = subprocess.run([sys.executable, program], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def _weigh(seen: Visit, response) -> None:
    if response.request.resource_type == "script" and response.ok:
        seen.scripts[response.url] = len(response.body())
