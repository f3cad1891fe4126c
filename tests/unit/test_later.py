"""看到才做：页里的图换成占着位置的一块，代码的颜色写成数字；文字版留在页里。没有人用的文件和样式不进书。"""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path

import pytest
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import CLexer, PythonLexer

from sockscope import experiments
from sockscope.render import mimebundle

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "ext"))
import later
import trim


@pytest.fixture(scope="module")
def figure() -> str:
    return mimebundle(experiments.recording("handshake"))["text/html"]


def test_a_figure_leaves_its_size_and_its_words(figure):
    body, drawn = later.without_figures(f"<p>前</p>{figure}<p>后</p>{figure}")
    one, other = body.split("<p>后</p>")
    assert one.count("<template><svg") == one.count("<svg") == 2, "第一张图的宽窄两版就在页里"
    assert "<svg" not in other, "别的图在包里"
    assert "<style" not in body
    assert list(drawn) == ["0", "1"]
    wide, narrow = drawn["0"]
    assert 'class="sockscope wide"' in wide
    assert 'class="sockscope narrow"' in narrow
    assert "<style" not in wide + narrow
    width, height = re.search(r'width="([\d.]+)" height="([\d.]+)"', wide).groups()
    assert f"--w:{width};--h:{height};" in body
    words = re.search(r"<noscript><pre>(.*?)</pre></noscript>", body, re.DOTALL)[1]
    assert "SYN" in words
    assert len(words.splitlines()) > len(experiments.recording("handshake").packets)


def test_the_page_and_the_script_call_the_same_width_narrow():
    script = (Path(__file__).parents[2] / "book" / "_assets" / "later.js").read_text(encoding="utf-8")
    assert f"const NARROW = {later.NARROW};" in script


def coloured_again(html: str) -> str:
    """later.js 的做法，用 Python 再写一遍。"""
    tokens, text = re.search(r'data-tokens="([^"]*)">(.*?)</pre>', html, re.DOTALL).groups()
    units, made, at = unescape(text).encode("utf-16-le"), [], 0
    for token in tokens.split(" "):
        long, kind = re.fullmatch(r"(\d+)(.*)", token).groups()
        piece = units[at:(at := at + 2 * int(long))].decode("utf-16-le")
        made.append((kind, piece))
    assert at == len(units)
    return made


@pytest.mark.parametrize(("lexer", "code"), [
    (PythonLexer(), 's = "😀 a < b"  # 注释 & 文字\nprint(f"{s!r}")\n'), (CLexer(), '#include <stdio.h>\nint a = b && c;\n')])
def test_code_keeps_every_character_and_every_colour(lexer, code):
    html = highlight(code, lexer, HtmlFormatter())
    plain = later.CODE.sub(later.plain, html)
    assert "<span" not in plain
    assert unescape(re.search(r">([^>]*)</pre>", plain, re.DOTALL)[1]) == code
    wanted = [(kind, unescape(text)) for kind, text in re.findall(r'<span class="([^"]*)">([^<]*)</span>', html)]
    painted = [(kind, text) for kind, text in coloured_again(plain) if kind]
    assert "".join(text for _, text in painted) == "".join(text for _, text in wanted)
    assert {kind for kind, _ in painted} == {kind for kind, _ in wanted}
    assert len(plain) < len(html)


def test_code_in_an_unknown_form_is_left_alone():
    html = '<div class="highlight"><pre><b>x</b></pre></div>'
    assert later.CODE.sub(later.plain, html) == html


def test_long_lists_wait_in_a_noscript():
    body = '<section><p>先看</p><ol class="causes"><li>甲</li><li>乙</li></ol></section><p>别处</p>'
    put_off = later.LONG.sub(later.put_off, body)
    assert '<noscript><ol class="causes"><li>甲</li><li>乙</li></ol></noscript></div></section><p>别处</p>' in put_off


def test_rules_that_choose_nothing_go_and_the_others_stay():
    sheet = (".used,.gone{color:red}.gone .used{a:b}@media print{.gone{x:y}}@media screen{.used:not(.gone){x:y}}"
             "p > .used:hover{m:n}#here{o:p}#nowhere{q:r}@font-face{src:url(a)}@keyframes k{from{top:0}}")
    assert trim.lean(sheet, {"used", "here"}) == (
        ".used{color:red}@media screen{.used:not(.gone){x:y}}p > .used:hover{m:n}#here{o:p}@keyframes k{from{top:0}}")


def test_files_that_no_page_reaches_go(tmp_path):
    static = tmp_path / "_static"
    static.mkdir()
    (tmp_path / "index.html").write_text('<script src="_static/a.js"></script>')
    (static / "a.js").write_text("load('b.css') //# sourceMappingURL=a.js.map")
    for name in ("b.css", "c.js", "a.js.map", "model.html"):
        (static / name).write_text("c.js" if name == "model.html" else "")
    assert [p.name for p in trim.unmentioned(tmp_path)] == ["a.js.map", "c.js", "model.html"]
