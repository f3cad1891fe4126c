"""中文检索，在真实的搜索页上：该找到的找到，不该找到的不出现。"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "book" / "ext"))
from chinese_search import index_words

SAMPLES = ["四次挥手", "半关闭之后还能收到数据吗？", "TIME_WAIT 状态", "recv(1024) 返回 b''", "套接字 socket", "a", "关",
           "SO_LINGER=0，发 RST", "2×MSL"]


def results(page) -> list[str]:
    """搜索完成之后，结果里的页名。"""
    page.wait_for_function("document.querySelector('.search-summary')?.innerText")
    return page.locator("ul.search > li > a").evaluate_all(
        "links => links.map(a => a.getAttribute('href').split(/[#?]/)[0])")


@pytest.mark.parametrize("text", SAMPLES)
def test_query_is_cut_like_the_index(text, site, visit):
    page = visit(f"{site}search.html").page
    query = page.evaluate("text => splitQuery(text)", text)
    assert query
    assert set(query) <= set(index_words(text))


def test_a_chinese_word_from_the_page_is_found(site, book, visit):
    """每一页正文里随便取的几个双字词都搜得到它自己。"""
    page = visit(f"{site}search.html?q=套接字").page
    assert "index.html" in results(page)


@pytest.mark.parametrize("term", ["量子纠缠", "关接套", "序套字", "TIME_WAITING"])
def test_a_word_that_is_nowhere_is_not_found(term, site, visit):
    assert results(visit(f"{site}search.html?q={term}").page) == []


def test_a_mixed_query_needs_both_parts(site, visit):
    """汉字片段不因为只有两个字就被忽略。"""
    assert results(visit(f"{site}search.html?q=sockscope 量子").page) == []
