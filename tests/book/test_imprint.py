"""每一页说得出自己的来历：一句话、内核、版本；网上的地址和仓库写了才有 og:、canonical 和“这里不对”。"""

from __future__ import annotations

import re
import sys
import tomllib
from html import unescape
from pathlib import Path
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "ext"))
import imprint
import tables

ROOT = Path(__file__).parents[2]
HEAD = '<th scope="row">一</th>'


def pages(book: Path) -> list[Path]:
    return [path for path in book.rglob("*.html") if "_static" not in path.parts]


def test_one_viewport_and_no_address_that_nobody_configured(book):
    for page in pages(book):
        text = page.read_text(encoding="utf-8")
        assert len(re.findall(r'<meta name="viewport"', text)) == 1, page.name
        assert not re.search(r'property="og:|rel="canonical"|这里不对', text), page.name


def test_every_page_has_its_sentence(book):
    for name, says in tomllib.loads((ROOT / "book" / "summaries.toml").read_text(encoding="utf-8")).items():
        found = re.findall(r'<meta name="description" content="([^"]*)"', (book / f"{name}.html").read_text(encoding="utf-8"))
        assert list(map(unescape, found)) == [says], name


def test_every_foot_names_the_kernel_and_the_version(book):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for page in pages(book):
        if page.name != "404.html":
            assert re.search(rf"录制于 Linux \d+\.\d+，版本 {re.escape(version)}。", page.read_text(encoding="utf-8")), page.name


def test_with_an_address_the_page_can_be_shared():
    told = {name: text for _, name, text in imprint.metas("05 关闭连接", "一句话", "https://example.org/b/a.html", "书", "b/a")}
    assert told["og:url"] == "https://example.org/b/a.html"
    assert told["og:image"] == "https://example.org/card.png"
    assert told["og:title"] == "05 关闭连接"
    assert told["og:description"] == told["description"] == "一句话"
    assert imprint.metas("05 关闭连接", "一句话", "", "书", "b/a") == [("name", "description", "一句话")]


def test_a_report_carries_page_cell_and_kernel():
    body = ('<section id="a"><h1>题<a class="headerlink" href="#a">#</a></h1><p>一</p><section id="b"><details><summary>'
            '<h2>半<code>关</code><a class="headerlink" href="#b">#</a></h2></summary><div class="folded">'
            '<div id="cell-half-close"></div></div></details></section></section>')
    made = imprint.reportable(body, "https://example.org/r/", "chapters/05", "Linux 6.18")
    first, second = (unquote(unescape(href)) for href in re.findall(r'href="(https[^"]*)"', made))
    assert "title=chapters/05：题&" in first
    assert "title=chapters/05：半关&" in second
    for said in ("书页：chapters/05#b", "单元格：half-close", "内核：书里是 Linux 6.18"):
        assert said in second
    assert re.sub(r'<p class="wrong-here">.*?</p>', "", made) == body
    assert '</p></div></details></section></section>' in made


def test_an_empty_corner_makes_row_headings():
    rows = "<th>甲</th></tr></thead><tbody><tr>{}<td>二</td></tr></tbody></table>"
    made = tables.headed(f"<table><thead><tr><th><p></p></th>{rows.format('<td>一</td>')}")
    assert made == f"<table><thead><tr><td></td>{rows.format(HEAD)}"
    plain = "<table><thead><tr><th>丙</th></tr></thead><tbody><tr><td>一</td></tr></tbody></table>"
    assert tables.headed(plain) == plain


def test_no_table_has_an_empty_heading(book):
    for page in pages(book):
        assert not re.search(r"<th\b[^>]*>\s*(?:<p></p>)?\s*</th>", page.read_text(encoding="utf-8")), page.name
