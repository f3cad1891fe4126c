"""书页里能运行的单元格：cells.js 与真的编辑器、真的 DOMPurify，对着一个照稿子回答的内核；真的内核在 soak 里。"""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sockscope.cells.outputs import shown

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "book" / "_assets"
SOURCES = ["import os", "words = []", "words.append(1)", "words"]
NEEDS = [[], [], [1], [1, 2]]
KERNEL = """
window.asked = [];
window.sockscopePageKernel = {
  bytes: 2e7, obstacle: "", state: "on", about: {kernel: "6.1", python: "3.11"},
  onchange(listener) { this.listener = listener; listener(this); },
  start: () => Promise.resolve(),
  restart() { this.listener({state: "loading", share: 0}); this.listener(this); return Promise.resolve(); },
  ask({cell, source}, {signal, onoutput}) {
    window.asked.push([cell, source]);
    return new Promise((resolve, reject) => { this.answer = (outputs, answer) => {
      outputs.forEach(onoutput);
      resolve(answer);
    }; signal.addEventListener("abort", () => reject(new Error("叫停了。"))); });
  },
};
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def made(tmp_path, visit) -> Iterator[Page]:
    """四格的一页：第二格藏着。"""
    for name in ("cells.js", "cells.css", "clean.js", "vendor"):
        (shutil.copytree if name == "vendor" else shutil.copy)(ASSETS / name, tmp_path / name)
    table = [{"id": f"c{k}", "needs": need} | ({"source": SOURCES[k]} if k == 1 else {}) for k, need in enumerate(NEEDS)]
    code = "".join('<div class="cell">' + (f'<div class="cell_input"><div class="highlight"><pre>{source}\n</pre></div></div>'
                                           if k != 1 else "") +
                   f'<div class="cell_output">book {k}</div></div>' for k, source in enumerate(SOURCES))
    (tmp_path / "index.html").write_text(
        f'<!doctype html><meta charset=utf-8><link rel=stylesheet href=cells.css>'
        f'<article class="bd-article"><h1>t</h1>{code}</article>'
        f'<script type="application/json" id="sockscope-cells">{json.dumps({"notebook": "n.ipynb", "cells": table})}</script>'
        f'<script>{KERNEL}</script><script src="clean.js"></script><script src="cells.js"></script>')
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        seen = visit(f"http://127.0.0.1:{server.server_port}/")
        yield seen.page
        server.shutdown()
        thread.join()
    assert seen.errors == []


def cell(page: Page, number: int):
    return page.locator("div.cell").nth(number)


def run(page: Page, number: int) -> None:
    cell(page, number).get_by_role("button", name="运行").click()


def answer(page: Page, asked: int, outputs: list[dict], **ok: object) -> None:
    """等内核收到第 ``asked`` 个请求，回答它。"""
    page.wait_for_function(f"asked.length === {asked}")
    page.evaluate("([outputs, ok]) => sockscopePageKernel.answer(outputs, ok)",
                  [outputs, {"error": False, "same": "", **ok}])


def html(text: str) -> dict[str, object]:
    return {"output_type": "display_data", "data": {"text/html": text, "text/plain": "plain"}, "metadata": {}}


def stream(text: str, name: str = "stdout") -> dict[str, object]:
    return {"output_type": "stream", "name": name, "text": text}


def test_a_cell_runs_after_what_it_needs_and_only_once(made):
    run(made, 3)
    for asked in (1, 2, 3):
        answer(made, asked, [stream("a"), stream("b\n"), stream("c", "stderr")])
    expect(cell(made, 3).locator(".live-verdict")).to_have_text("与书上的输出一致。")
    assert made.evaluate("asked") == [[f"c{k}", SOURCES[k]] for k in (1, 2, 3)]  # 藏着的也在内，不相干的不在
    expect(cell(made, 3).locator(".live-output .output")).to_have_text(["ab\n", "c"])
    expect(cell(made, 3).locator(".cell_output", has_text="book 3")).to_be_hidden()
    expect(cell(made, 1).locator(".cell_output")).to_have_text("book 1")  # 藏着的格子，输出还是书上的
    run(made, 3)
    answer(made, 4, [])
    assert made.evaluate("asked.length") == 4
    cell(made, 3).get_by_role("button", name="看书上的").click()
    expect(cell(made, 3).locator(".cell_output", has_text="book 3")).to_be_visible()
    expect(cell(made, 3).locator(".live-badge")).to_have_text("书上的")


def test_a_new_kernel_knows_nothing(made):
    run(made, 2)
    answer(made, 1, [])
    answer(made, 2, [])
    expect(cell(made, 2).locator(".live-status")).to_contain_text("用了")
    made.get_by_role("button", name="重来").click()
    run(made, 2)
    answer(made, 3, [])
    assert made.evaluate("asked[2][0]") == "c1"


def test_a_failure_stops_what_waits_for_it(made):
    run(made, 3)
    answer(made, 1, [])
    error = {"output_type": "error", "ename": "NameError", "evalue": "x", "traceback": ["NameError: x <b>"]}
    answer(made, 2, [error], error=True, same="`x` 抛出 NameError：x")
    expect(cell(made, 2).locator(".live-output .error")).to_have_text("NameError: x <b>")
    expect(cell(made, 2).locator(".live-verdict")).to_contain_text("与书上不同：`x` 抛出 NameError")
    expect(cell(made, 3).locator(".live-status")).to_have_text("前面有一格出了错，没有往下做。")
    assert made.evaluate("asked.length") == 2


def test_stopping_one_stops_all_that_wait(made):
    run(made, 3)
    made.wait_for_function("asked.length === 1")
    cell(made, 3).get_by_role("button", name="停").click()
    expect(cell(made, 3).locator(".live-status")).to_have_text("叫停了。")
    expect(cell(made, 2).locator(".live-status")).to_have_text("叫停了。")
    assert made.evaluate("asked.length") == 1


def test_an_edited_cell_is_kept_over_a_reload_and_can_be_put_back(made):
    target = cell(made, 0)
    target.get_by_role("button", name="编辑").click()
    editor = target.locator(".cm-content")
    editor.press("Control+End")
    made.keyboard.type("\nprint(1/2)")
    made.keyboard.press("Control+Enter")
    answer(made, 1, [stream("0.5\n")], same=None)
    assert made.evaluate("asked[0]") == ["c0", "import os\nprint(1/2)"]
    expect(target.locator(".live-verdict")).to_have_text("代码改过，书上没有可比的。")
    made.reload()
    expect(target.locator(".cm-content")).to_contain_text("print(1/2)")
    target.get_by_role("button", name="还原").click()
    expect(target.locator(".cm-content")).to_have_count(0)
    expect(target.locator("pre").first).to_have_text("import os\n")
    made.reload()
    expect(target.locator(".live-cell")).to_be_visible()
    expect(target.locator(".cm-content")).to_have_count(0)


def test_what_a_cell_shows_cannot_run_a_script(made):
    run(made, 0)
    answer(made, 1, [html("<p onclick='bad()'>text<script>window.bad = 1</script><img src='data:,' onerror='window.bad = 1'>"
                          "<svg><a href='javascript:bad()'><text>t</text></a></svg></p>")])
    expect(cell(made, 0).locator(".live-output p")).to_contain_text("text")
    inside = cell(made, 0).locator(".live-output").inner_html()
    assert not any(word in inside for word in ("onclick", "onerror", "script", "javascript"))
    assert made.evaluate("window.bad") is None


@pytest.mark.parametrize("page_name", ["chapters/05_closing", "book/appendix_b"])
def test_cleaning_changes_none_of_our_own_figures_and_tables(site, visit, page_name):
    """书上的每一份输出，画成页内内核交来的样子。"""
    cells = json.loads((ROOT / "recordings" / "cells" / f"{page_name}.json").read_text())["cells"]
    made = [told["data"]["text/html"] for cell in cells for told in shown(cell["outputs"]) if "text/html" in told.get("data", {})]
    assert made
    page = visit(f"{site}index.html").page
    page.add_script_tag(path=ASSETS / "vendor/dompurify/purify.min.js")
    assert page.evaluate("""(made) => {
        const parsed = (text) => Object.assign(document.createElement("template"), {innerHTML: text}).innerHTML;
        return made.filter((text) => parsed(DOMPurify.sanitize(text)) !== parsed(text));
    }""", made) == []


# ---------------------------------------------------------------- 真的内核

RESTED = re.compile("^(?!等着|正在).+")
SAID = """[...document.querySelectorAll(".live-cell")].map((row) => [row.querySelector(".live-status").textContent,
    row.querySelector(".live-verdict").textContent, row.parentElement.querySelector("pre").textContent])
    .filter(([, verdict]) => verdict !== "与书上的输出一致。")"""


@pytest.fixture
def chapter(page_kernel, site, visit):
    """带着页内内核的一章，宽窄各有人读。"""
    def open_chapter(name: str, width: int) -> Page:
        seen = visit(f"{site}chapters/{name}.html", width=width, dark=width < 500)
        seen.page.set_default_timeout(600_000)
        return seen.page
    return open_chapter


@pytest.mark.soak
@pytest.mark.parametrize(("name", "width"), [("03_connecting", 1280), ("05_closing", 390)])
def test_a_whole_chapter_in_the_page_is_the_book(chapter, name, width):
    page = chapter(name, width)
    page.locator(".live-bar button:visible").click()
    page.get_by_role("button", name="全部运行").click()
    statuses = page.locator(".live-cell .live-status")
    expect(statuses).to_have_text([RESTED] * statuses.count(), timeout=600_000)
    assert page.evaluate(SAID) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.soak
def test_a_mistake_and_an_endless_loop_in_the_page(chapter):
    page = chapter("05_closing", 1280)
    target = page.locator("div.cell:has(.live-cell)").first
    for typed, said in (("\n1/0", "ZeroDivisionError"), ("\nprint('go')\nwhile True: pass", "KeyboardInterrupt")):
        target.get_by_role("button", name="编辑").click()
        target.locator(".cm-content").press("Control+End")
        page.keyboard.type(typed)
        page.keyboard.press("Control+Enter")
        if "while" in typed:
            expect(target.locator(".live-output .stream")).to_have_text("go\n", timeout=600_000)
            target.get_by_role("button", name="停").click()
        expect(target.locator(".live-output .error")).to_contain_text(said, timeout=600_000)
        target.get_by_role("button", name="还原").click()
    target.get_by_role("button", name="运行").click()
    expect(target.locator(".live-verdict")).to_have_text("与书上的输出一致。", timeout=600_000)
