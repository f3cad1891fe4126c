"""构建好的书页：没有外部地址，没有漏译，每页只带用得着的脚本。"""

from __future__ import annotations

import re
from pathlib import Path

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|audio|video|embed)\b[^>]*?\bsrc=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b[^>]*?\bhref=["']?((?:https?:)?//[^"'\s>]+)""", re.IGNORECASE)
STYLE = re.compile(r"""@import\s+["']?((?:https?:)?//[^"';)]+)|url\(\s*["']?((?:https?:)?//[^"')]+)""")
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


def test_heavy_scripts_only_where_used(book):
    for page in pages(book):
        text = page.read_text()
        if "html-manager" in text:
            assert "application/vnd.jupyter.widget-view+json" in text, page.name
        if "mathjax/tex-svg" in text:
            assert 'class="math' in text, page.name


def test_no_figure_in_the_static_book_claims_to_be_live(book):
    for page in sorted(book.glob("chapters/*.html")):
        figures = re.findall(r"<svg.*?</svg>", page.read_text(encoding="utf-8"), re.DOTALL)
        assert not [f[:80] for f in figures if "实时 · Linux" in f], page.name
