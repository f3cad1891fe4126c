"""页内内核在浏览器里：取不到、摘要不对、浏览器不行，各得一句话；真的内核（soak）做出与书上一样的实验。"""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser import firefox

from sockscope.serve.policy import POLICY

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "book" / "_assets" / "page_kernel"
FILES = ("libv86.js.gz", "v86.wasm.gz", "bios.bin.gz", "vgabios.bin.gz", "state.zst", "compiled.zst")
TRY = "sockscopePageKernel.start().then(() => 'on', ({message}) => message)"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Site:
    """一个只有页内内核的网站；内核是假的：每个文件几个字节，摘要是真的。"""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("client.js", "worker.js"):
            shutil.copy(ASSETS / name, folder)
        self.contents = contents = {name: gzip.compress(b"") if name.endswith(".gz") else name.encode() for name in FILES}
        contents["libv86.js.gz"] = gzip.compress(b"throw new Error('no machine')")
        self.publish()

    def replace(self, name: str, content: bytes) -> None:
        """换掉一个文件，重新发布：又是一个版本，摘要还是真的。"""
        self.contents[name] = content
        self.publish()

    def publish(self) -> None:
        files = {name: {"size": len(text), "sha256": hashlib.sha256(text).hexdigest()} for name, text in self.contents.items()}
        manifest = json.dumps({"files": files, "memory": 1, "compiled": {}, "disk": {"size": 0, "part": 1, "parts": []}})
        self.version = hashlib.sha256(manifest.encode()).hexdigest()
        (self.folder / self.version).mkdir()
        for name, text in (self.contents | {"manifest.json": manifest.encode()}).items():
            (self.folder / self.version / name).write_bytes(text)
        told = json.dumps({"version": self.version, "bytes": 5}).replace('"', "&quot;")
        policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        (self.folder / "index.html").write_text(
            f'<!doctype html><meta charset=utf-8>{policy}<script src="client.js" data-kernel="{told}"></script>')

    def file(self, name: str) -> Path:
        return self.folder / self.version / name


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """一个网站；给出它的地址。"""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def fake(tmp_path) -> Iterator[tuple[str, Site]]:
    site = Site(tmp_path)
    with served(tmp_path) as base:
        yield base, site


def test_every_file_is_checked_before_anything_boots(fake, visit):
    base, site = fake
    page = visit(base).page
    assert page.evaluate(TRY) == "页内内核没有启动：no machine。"  # 文件都对：走到了 v86
    site.file("state.zst").write_bytes(b"other")
    assert "state.zst 与书里记的摘要不同" in visit(base).page.evaluate(TRY)
    site.file("state.zst").write_bytes(b"state.zst")
    site.file("manifest.json").write_text("{}")
    assert "manifest.json 与书里记的摘要不同" in visit(base).page.evaluate(TRY)


def test_what_was_fetched_is_kept_and_checked_again(fake, visit):
    base, site = fake
    page = visit(base).page
    page.evaluate(TRY)
    for name in (*FILES, "manifest.json"):
        site.file(name).unlink()
    assert page.evaluate(TRY) == "页内内核没有启动：no machine。"  # 再点一次：都在缓存里
    page.evaluate(f"""async () => {{
        const [name] = await caches.keys(), cache = await caches.open(name);
        await cache.put("{base}{site.version}/v86.wasm.gz", new Response("spoilt"));
    }}""")
    assert page.evaluate(TRY) == "页内内核没有取到：网站回答 404。"


def test_a_cut_download_is_one_sentence_and_can_be_tried_again(fake, visit):
    base, _site = fake
    page = visit(base).page
    page.route("**/v86.wasm.gz", lambda route: route.abort())
    assert "网络断了" in page.evaluate(TRY)
    page.unroute("**/v86.wasm.gz")
    assert page.evaluate(TRY) == "页内内核没有启动：no machine。"


def test_a_page_opened_from_a_file_says_why_not(fake, visit):
    _, site = fake
    page = visit((site.folder / "index.html").as_uri()).page
    assert "从文件打开的网页不许启动页内内核" in page.evaluate(TRY)
    assert page.evaluate("sockscopePageKernel.state") == "failed"


@pytest.mark.parametrize(("without", "said"), [
    ("WebAssembly", "不能运行 WebAssembly"), ("DecompressionStream", "太旧"), ("Worker", "太旧")])
def test_a_browser_that_lacks_something_says_what(fake, visit, without, said):
    page = visit(fake[0]).page
    page.add_init_script(f"delete window.{without}")
    page.reload()
    assert said in page.evaluate(TRY)


def test_private_windows_without_a_cache_still_try(fake, visit):
    """缓存打不开（隐私窗口）不算失败：取来就用。"""
    base, _ = fake
    page = visit(base).page
    page.route("**/worker.js", lambda route: route.fulfill(
        body="caches.open = caches.keys = () => Promise.reject(new Error('private'));\n" + (ASSETS / "worker.js").read_text(),
        content_type="text/javascript"))
    assert page.evaluate(TRY) == "页内内核没有启动：no machine。"


def test_neither_the_page_nor_its_worker_reaches_another_host(fake, visit):
    """内容安全策略管着书页，也管着它开的 Worker：假的 v86 试着从别的网站取一段脚本，取不到。"""
    base, site = fake
    (site.folder / "empty.js").write_text("")
    with served(site.folder) as other:
        assert visit(base).page.evaluate(f"fetch('{other}', {{mode: 'no-cors'}}).then(() => 'out', () => 'refused')") == "refused"
        site.replace("libv86.js.gz", gzip.compress(f"importScripts('{other}empty.js'); throw new Error('out')".encode()))
        assert "Failed to execute 'importScripts'" in visit(base).page.evaluate(TRY)


# ---------------------------------------------------------------- 真的内核

@pytest.fixture(scope="module")
def built() -> None:
    """页内内核，和带着它的书；没有就做。"""
    for program in ([] if (ROOT / "_build/page-kernel/site/current.json").exists() else ["book/page_kernel/build.py"]) + [
            "book/build.py"]:
        done = subprocess.run([sys.executable, program], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def started(page: Page) -> None:
    """按第一个交互实验上的按钮，等它做完。"""
    explorer = page.locator(".ss").first
    explorer.locator(".ss-kernel button").click()
    expect(explorer.locator(".ss-badge")).to_have_text("实时（页内内核）")


@pytest.mark.soak
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_an_explorer_lives_in_the_page(built, site, visit, width, dark):
    seen = visit(f"{site}chapters/05_closing.html", width=width, dark=dark)
    started(seen.page)
    explorer = seen.page.locator(".ss").first
    expect(explorer.locator(".ss-difference")).to_contain_text("一致")
    explorer.locator(".ss-controls label", has_text="SO_LINGER").click()
    expect(explorer).not_to_have_class("running")
    expect(explorer.locator(".ss-figure svg:visible")).to_contain_text("RST")
    assert seen.errors == []
    assert seen.outside(site) == []


@pytest.mark.soak
def test_a_killed_worker_is_one_sentence_and_starts_again(built, site, visit):
    page = visit(f"{site}chapters/05_closing.html").page
    started(page)
    explorer = page.locator(".ss").first
    page.evaluate("sockscopePageKernel.lose('浏览器收回了它的内存。')")
    expect(explorer.locator(".ss-kernel")).to_contain_text("收回了它的内存")
    explorer.locator(".ss-run").click()
    expect(explorer.locator(".ss-badge")).to_have_text("录制")
    started(page)


@pytest.mark.soak
def test_an_endless_cell_is_interrupted_and_the_kernel_lives_on(built, site, visit):
    page = visit(f"{site}chapters/05_closing.html").page
    said = page.evaluate("""async () => {
        const stop = new AbortController(), outputs = [];
        const cell = (source, more) => sockscopePageKernel.ask({do: "cell", notebook: "mine", source}, more);
        const loop = cell("print('go')\\nwhile True: pass", {signal: stop.signal, onoutput: (output) => {
            outputs.push(output.text ?? output.ename);
            stop.abort();
        }});
        const {error} = await loop;
        await cell("1 + 1", {onoutput: (output) => outputs.push(output.data["text/plain"])});
        return [error, outputs.filter((text) => text.trim())];
    }""")
    assert said == [True, ["go", "KeyboardInterrupt", "2"]]


RUN = """sockscopePageKernel.ask({do: 'compare', experiment: 'closing', parameters: {}})
    .then(({same}) => same, ({message}) => message)"""


@pytest.mark.soak
def test_once_fetched_it_needs_no_network_and_two_tabs_have_a_kernel_each(built, site, visit):
    page = visit(f"{site}chapters/05_closing.html").page
    assert page.evaluate(RUN) == ""
    page.evaluate("new Promise((done) => sockscopePageKernel.onchange(({kept}) => kept && done()))")
    asked: list[str] = []
    second = page.context.new_page()
    page.context.route("**/page_kernel/*/**", lambda route: (asked.append(route.request.url), route.abort()))
    second.goto(f"{site}chapters/03_connecting.html")
    assert second.evaluate(RUN) == ""
    assert page.evaluate(RUN) == ""
    assert asked == []


@pytest.mark.soak
def test_firefox_boots_it_too(built, site):
    path = firefox.program()
    if path is None:
        pytest.skip("没有 Firefox")
    with firefox.opened(path) as tab:
        tab.visit(f"{site}chapters/05_closing.html")
        for experiment in ("closing", "handshake", "rights", "multicasting"):
            assert tab.evaluate(RUN.replace("closing", experiment)) == ""
        assert tab.evaluate("sockscopePageKernel.about.kernel").startswith("6.")
