"""术语：一个英文只有一个中文，全书不用别名。"""

from __future__ import annotations

from collections import Counter

import pytest

from sockscope import places
from sockscope.pages import terms

PAGES = [pytest.param(path, id=str(path.relative_to(places.ROOT))) for path in terms.pages()]


def test_the_pages_are_the_whole_book():
    names = {path.values[0].name for path in PAGES}
    assert {"index.md", "05_closing.ipynb", "appendix_e.md", "05.toml", "closing.py"} <= names


@pytest.mark.parametrize("path", PAGES)
def test_no_alias_is_used(path):
    assert terms.strangers(path.read_text(encoding="utf-8")) == []


def test_the_scan_sees_what_it_looks_for():
    assert terms.strangers("侦听一个套接口") == ["侦听 → 监听", "套接口 → 套接字"]
    assert terms.strangers("监听一个套接字") == []


@pytest.mark.parametrize("part", ["zh", "en"])
def test_one_word_for_one_thing(part):
    counts = Counter(getattr(term, part) for term in terms.terms())
    assert [word for word, count in counts.items() if count > 1] == []


def test_an_alias_is_no_term_and_has_one_owner():
    words = {term.zh for term in terms.terms()}
    aliases = [alias for term in terms.terms() for alias in (*term.instead, *term.also)]
    assert words.isdisjoint(aliases)
    assert len(set(aliases)) == len(aliases)


def test_the_table_lists_every_term():
    html = terms.glossary()._repr_html_()
    assert html.count("<tr") == 1 + len(terms.terms())


@pytest.mark.parametrize(("searched", "zh"), [
    ("全连接队列", "全连接队列"), ("半连接队列", "半连接队列"), ("延迟确认", "延迟确认"), ("粘包", "消息边界"), ("惊群", "惊群"),
    ("多播", "组播"), ("零窗口", "零窗口"), ("检验和", "校验和"), ("SACK", "选择确认"), ("RTT", "来回时间")])
def test_what_people_search_for_is_in_the_glossary(searched, zh):
    owner, = (t for t in terms.terms() if searched in (t.zh, *t.instead, *t.also))
    assert owner.zh == zh
    assert searched in terms.glossary()._repr_html_()
