"""索引、目录里的一句话、账本里的链接。"""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book" / "ext"))

from book_index import _letter, _order  # noqa: E402
from contents import summaries  # noqa: E402
from sockscope.pages import ledger  # noqa: E402
from sockscope.pages.terms import terms  # noqa: E402

ENTRY = re.compile(r"<dt>([^<]+?)\s*(?:<small>.*?</small>)?</dt>\s*<dd>(.*?)</dd>", re.DOTALL)


def index(book: Path) -> dict[str, list[str]]:
    """索引里 词 → 各处写出来的样子，照次序。"""
    text = (book / "genindex.html").read_text()
    return {unescape(word): [unescape(label) for label in re.findall(r"<a[^>]*>([^<]+)</a>", places)]
            for word, places in ENTRY.findall(text)}


def test_every_term_is_in_the_index(book):
    assert {term.zh for term in terms()} - set(index(book)) == set()
    assert len(index(book)) > 350


def test_the_place_that_teaches_it_comes_first(book):
    found = index(book)
    taught = {
        "半关闭": "05 说完了，还在听", "TIME_WAIT": "05 谁等，为什么等", "SO_LINGER": "05 等，还是不等",
        "shutdown()": "05 两个调用", "MSG_PEEK": "04 常用的标志", "惊群": "12 惊群", "零窗口": "04 发送缓冲区"}
    assert {word: found[word][0] for word in taught} == taught
    assert found["ECONNRESET"][0].startswith("症状：Connection reset by peer")


def test_words_stand_in_the_order_of_their_sound():
    words = ("阻塞", "半关闭", "TIME_WAIT", "重传", "127.0.0.1", "accept()")
    assert [_letter(word) for word in words] == ["Z", "B", "T", "C", "#", "A"]
    ordered = ["accept()", "半关闭", "半开连接", "保活", "惊群"]
    assert sorted(["惊群", "半关闭", "accept()", "保活", "半开连接"], key=_order) == ordered


def test_every_page_has_its_sentence_in_the_contents(book):
    page = (book / "index.html").read_text()
    listed = set(re.findall(r'toctree-l1"><a class="reference internal" href="([\w/]+)\.html">', page))
    assert listed - {"genindex"} == set(summaries())
    for sentence in summaries().values():
        assert sentence in unescape(page)


def test_an_experiment_named_as_evidence_is_a_link(book):
    page = (book / "book" / "appendix_d.html").read_text()
    assert re.search(r'<a href="\.\./chapters/01_sockets\.html#[\w-]+">实验 <code>full_queue</code></a>', page)
    named = [c for c in ledger.all_beliefs() if c.experiment]
    assert page.count("</code></a>") >= len(named) * 0.9
    codes = (book / "book" / "appendix_a.html").read_text()
    assert re.search(r'<a href="[^"]+">实验 <code>bind_errors</code></a>', codes)


def test_a_verdict_is_a_word_and_not_only_a_colour(book):
    page = (book / "book" / "appendix_d.html").read_text()
    shown = re.findall(r'<td class="verdict (\w+)">([^<]+)</td>', page)
    assert len(shown) == len(ledger.all_beliefs())
    assert set(shown) == {("yes", "成立"), ("no", "不成立"), ("depends", "看系统")}
