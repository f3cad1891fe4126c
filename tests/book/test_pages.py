"""构建好的书页：没有外部地址，没有漏译，每页只带用得着的脚本。"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "ext"))
import packs

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|audio|video|embed)\b[^>]*?\bsrc=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b[^>]*?\bhref=["']?((?:https?:)?//[^"'\s>]+)""", re.IGNORECASE)
STYLE = re.compile(r"""@import\s+["']?((?:https?:)?//[^"';)]+)|url\(\s*["']?((?:https?:)?//[^"')]+)""")
UNSEEN = re.compile(r"<noscript>.*?</noscript>|(?<=</template>)<template>.*?</template>", re.DOTALL)
NODES = {"genindex.html": 3_500, "appendix_d.html": 3_300}  # 一条索引、一条说法就是几个节点
ENGLISH = ["Link to this", "Skip to", "Back to top", "On this page", "Previous", "Next", "Search this", "Table of",
           "Toggle", "By ", "Copyright", "Download", "Color mode", "Contents"]


def outside(text: str, pattern: re.Pattern[str]) -> list[str]:
    return ["".join(filter(None, hit)) for hit in pattern.findall(text)]


def pages(book: Path) -> list[Path]:
    return [path for path in book.rglob("*.html") if "_static" not in path.parts]


def test_the_scan_sees_what_it_looks_for():
    assert outside('<script defer src="https://example.org/a.js">', LOADED) == ["https://example.org/a.js"]
    assert outside("<link rel=stylesheet href=//example.org/a.css>", LOADED) == ["//example.org/a.css"]
    assert outside("@import 'https://example.org/a.css';", STYLE) == ["https://example.org/a.css"]
    assert outside("src: url(https://example.org/a.woff)", STYLE) == ["https://example.org/a.woff"]
    assert outside('<a href="https://example.org/">', LOADED) == []


def test_no_page_loads_from_outside(book):
    found = {str(page.relative_to(book)): outside(page.read_text(), LOADED) for page in pages(book)}
    assert {page: urls for page, urls in found.items() if urls} == {}


def test_no_style_loads_from_outside(book):
    found = {str(style.relative_to(book)): outside(style.read_text(), STYLE) for style in book.rglob("*.css")}
    assert {style: urls for style, urls in found.items() if urls} == {}


def test_interface_is_chinese(book):
    for page in pages(book):
        text = re.sub(r"<(script|style|article)\b.*?</\1>", "", page.read_text(), flags=re.DOTALL)
        shown = re.findall(r'>([^<>]+)<|(?:title|aria-label|placeholder|alt)="([^"]*)"', text)
        words = [word.strip() for pair in shown for word in pair if word.strip()]
        left = [word for word in words for english in ENGLISH if word.startswith(english)]
        assert left == [], page.name


def test_our_styles_come_once_a_page_as_files(book):
    """表、题目、地址、测量的样式不写进页面；页上有它们的，才引它们的文件。"""
    ours = {"pages.css": r"sockscope-(?:table|quiz|options|grid|symptom|contents|kernels|hostility)\b",
            "address_explorer.css": r"sa-panels", "panel.css": r"sockscope-measured", "explorer.css": r"sockscope-explorer",
            "kernel_panel.css": r"sockscope-kernel-panel", "colours.css": "html"}
    used = set()
    for page in pages(book):
        text = page.read_text(encoding="utf-8")
        styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
        for sheet, mark in ours.items():
            shown = re.search(rf'class="{mark}|<{mark}', text) is not None
            assert text.count(f"sockscope/{sheet}") >= shown, (page.name, sheet)
            assert text.count(f"sockscope/{sheet}") <= 1, (page.name, sheet)
            assert not any(re.search(rf"\.{mark}", style) for style in styles if "#sa" not in style), (page.name, sheet)
            used |= {sheet} if shown else set()
    assert used == set(ours)


def test_theme_scripts_that_nobody_needs_are_gone(book):
    for page in pages(book):
        for name in ("thebe", "fontawesome.js", "bootstrap.js", "unpkg", "jsdelivr"):
            assert name not in page.read_text(), page.name


def test_scripts_for_formulas_and_ipywidgets_are_nowhere(book):
    """书里没有公式，没有 ipywidgets 的部件：带着它们的脚本，页就白白重了 2 到 4 MB。有一天用上了，这里会失败。"""
    for page in pages(book):
        text = page.read_text()
        assert not re.search(r"<script[^>]*(mathjax|require\.js|embed-amd)", text), page.name
        assert not re.search(r'class="math|vnd\.jupyter\.widget-view', text), page.name


def test_the_book_and_its_pages_are_light(book):
    """一页的 HTML 不超过 300 kB，不动它时不到 3000 个节点（noscript 里的、第一张图没有用上的那一版不算）；整本不超过 25 MB。"""
    for page in pages(book):
        text = page.read_text(encoding="utf-8")
        assert len(text.encode()) < 300_000, page.name
        nodes = len(re.findall(r"<[a-z]", UNSEEN.sub("", text)))
        assert nodes < NODES.get(page.name, 2_900), page.name
    kernel = book / "_static" / "page_kernel"
    assert sum(p.stat().st_size for p in book.rglob("*") if p.is_file() and kernel not in p.parents) < 25_000_000


def test_no_figure_in_the_static_book_claims_to_be_live(book):
    drawn = sorted((book / "_static" / "figures").rglob("*.js"))
    assert drawn
    for pack in drawn:
        for shapes in packs.unpack(pack.read_text()).values():
            assert not [shape[:80] for shape in shapes if "实时 · Linux" in shape], pack.name
