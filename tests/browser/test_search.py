"""中文检索，在真实的搜索页上：该找到的找到，不该找到的不出现。"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

sys.path.append(str(Path(__file__).parents[2] / "book" / "ext"))
from chinese_search import index_words

SAMPLES = ["四次挥手", "半关闭之后还能收到数据吗？", "TIME_WAIT 状态", "recv(1024) 返回 b''", "套接字 socket", "a", "关",
           "SO_LINGER=0，发 RST", "2×MSL"]


def results(page) -> list[str]:
    """搜索完成之后，结果里的页名。"""
    expect(page.locator(".search-summary")).to_have_text(re.compile(r"\S"))  # wait_for_function 要 eval，书页的策略不许
    return page.locator("ul.search > li > a").evaluate_all(
        "links => links.map(a => a.getAttribute('href').split(/[#?]/)[0])")


def test_query_is_cut_like_the_index(site, visit):
    page = visit(f"{site}search.html").page
    for text in SAMPLES:
        query = page.evaluate("text => splitQuery(text)", text)
        assert query
        assert set(query) <= set(index_words(text))


FIND = "terms => terms.map(term => Search._performSearch(...Search._parseQuery(term)).map(([name]) => name))"


def words(book: Path) -> dict[str, set[str]]:
    """每一页的标题与加粗里出现的汉字词：页名 → 词。"""
    found = {}
    for path in [book / "index.html", *sorted(book.glob("chapters/*.html"))]:
        article = path.read_text().split('<article class="bd-article">')[1].split("</article>")[0]
        marked = re.findall(r"<(?:h[1-4]|strong|p)>([^<]+)<", article)
        name = str(path.relative_to(book).with_suffix(""))
        found[name] = {word for text in marked for word in re.findall(r"[\u4e00-\u9fff]{2,6}", text)}
    return found


def test_every_word_finds_its_own_page(site, book, visit):
    page = visit(f"{site}search.html").page
    asked = [(name, word) for name, group in words(book).items() for word in sorted(group)[:60]]
    assert asked
    found = page.evaluate(FIND, [word for _, word in asked])
    assert [(name, word) for (name, word), pages in zip(asked, found, strict=True) if name not in pages] == []


def test_no_word_finds_a_page_without_its_pieces(site, book, visit):
    """反过来写的词，除非它的片段碰巧都在同一页上，否则哪一页也不该出现。"""
    page = visit(f"{site}search.html").page
    texts = {name: re.sub(r"<[^>]+>", "", (book / f"{name}.html").read_text()) for name in words(book)}
    asked = sorted({word[::-1] for group in words(book).values() for word in group if len(word) > 2})[:60]
    for word, found in zip(asked, page.evaluate(FIND, asked), strict=True):
        pieces = [word[i:i + 2] for i in range(len(word) - 1)]
        possible = {name for name, text in texts.items() if all(piece in text for piece in pieces)}
        assert set(found) <= possible, word


def test_results_show_the_text_around_the_word(site, visit):
    page = visit(f"{site}search.html?q=套接字").page
    assert "index" in [name.removesuffix(".html") for name in results(page)]
    page.locator("p.context", has_text="套接字").first.wait_for()
    assert "JupyterLab 中打开" not in page.locator("ul.search").inner_text()


@pytest.mark.parametrize("term", ["量子纠缠", "关接套", "序套字", "TIME_WAITING", "sockscope 量子"])
def test_a_word_that_is_nowhere_is_not_found(term, site, visit):
    """问两个词，要两个都有；汉字的片段不因为只有两个字就被忽略。"""
    assert results(visit(f"{site}search.html?q={term}").page) == []
