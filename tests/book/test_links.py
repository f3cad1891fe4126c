"""书里的链接：指向的页在，页里的锚点也在。"""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r'<a\b[^>]*?\bhref="([^"]+)"')
ANCHOR = re.compile(r'\bid="([^"]+)"')


def pages(book: Path) -> dict[Path, str]:
    return {path.resolve(): path.read_text() for path in book.rglob("*.html") if "_static" not in path.parts}


def broken(page: Path, text: str, anchors: dict[Path, set[str]]) -> list[str]:
    """一页里到不了的链接；外面的和下载的不管。"""
    found = []
    for href in map(unescape, LINK.findall(text)):
        if re.match(r"[a-z]+:|//", href) or "_sources" in href or href == "#":
            continue
        path, _, anchor = href.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        if not arrives(target, unquote(anchor), anchors):
            found.append(href)
    return found


def arrives(target: Path, anchor: str, anchors: dict[Path, set[str]]) -> bool:
    if target.suffix != ".html":
        return target.exists()
    return target in anchors and (not anchor or anchor in anchors[target])


def test_every_link_arrives(book):
    texts = pages(book)
    anchors = {page: set(map(unescape, ANCHOR.findall(text))) for page, text in texts.items()}
    lost = {page.name: broken(page, text, anchors) for page, text in texts.items()}
    assert {name: hrefs for name, hrefs in lost.items() if hrefs} == {}


def test_the_symptoms_lead_into_the_chapters(book):
    found = LINK.findall((book / "book" / "symptoms.html").read_text())
    assert sum("../chapters/" in href and "#" in href for href in found) > 80


def test_the_scan_sees_a_missing_anchor(tmp_path):
    page = tmp_path / "a.html"
    assert broken(page, '<a href="#b">', {page: {"c"}}) == ["#b"]
    assert broken(page, '<a href="b.html">', {page: set()}) == ["b.html"]
    assert broken(page, '<a href="#c"><a href="https://x">', {page: {"c"}}) == []
