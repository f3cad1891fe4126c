"""检索，在真实的搜索页和真实的书上：读者会打的字都找到，第一条就对；打字时就有结果；到了那一节看得见它。"""

from __future__ import annotations

import functools
import http.server
import re
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

QUERIES = tomllib.loads((Path(__file__).parent / "search_queries.toml").read_text(encoding="utf-8"))
INDEX_LIMIT = 400_000
FIND = """async queries => {
  const engine = await window.sockscopeSearchReady();
  const told = ({section: {page, title, anchor, kind}}) => ({page, title, anchor, kind});
  return queries.map(query => { const {hits, loose} = engine.find(query, 1000); return {loose, hits: hits.map(told)}; });
}"""
MARKED = "[...(CSS.highlights.get('found') ?? [])].map(String)"


def find(site, visit, queries: list[str]) -> list[dict]:
    """一次打开搜索页，问完全部。"""
    return visit(f"{site}search.html").page.evaluate(FIND, queries)


def right(place: str, hit: dict) -> bool:
    page, _, section = place.partition("#")
    return hit["page"] == page and section in ("", hit["title"], hit["anchor"])


# ---------------------------------------------------------------- 找到什么

def test_every_query_finds_its_place_first(site, visit):
    asked = [(place, query) for place, queries in QUERIES.items() for query in queries]
    assert len(asked) >= 150
    found = find(site, visit, [query for _, query in asked])
    wrong = {query: (place, [f"{hit['page']}#{hit['title']}" for hit in told["hits"][:3]])
             for (place, query), told in zip(asked, found, strict=True) if not (told["hits"] and right(place, told["hits"][0]))}
    assert wrong == {}


@pytest.mark.parametrize("query", ["量子纠缠", "关接套", "序套字", "TIME_WAITING", "quicksocket", "！！", "   "])
def test_a_word_that_is_nowhere_is_not_found(query, site, visit):
    assert find(site, visit, [query])[0]["hits"] == []


def test_words_that_are_never_together_are_said_to_be_apart(site, visit):
    together, apart, strange = find(site, visit, ["TIME_WAIT 端口", "惊群 校验和", "套接字 量子纠缠"])
    assert together["hits"]
    assert not together["loose"]
    assert apart["loose"]
    assert strange["loose"]


def words(book: Path) -> dict[str, set[str]]:
    """每一页的标题与加粗里出现的汉字词：页名 → 词。"""
    found = {}
    for path in sorted(book.glob("chapters/*.html")):
        article = path.read_text().split('<article class="bd-article">')[1].split("</article>")[0]
        marked = re.findall(r"<(?:h[1-4]|strong)>([^<]+)<", article)
        name = str(path.relative_to(book).with_suffix(""))
        found[name] = {word for text in marked for word in re.findall(r"[\u4e00-\u9fff]{2,6}", text)}
    return found


def test_every_word_finds_its_own_page(site, book, visit):
    asked = [(name, word) for name, group in words(book).items() for word in sorted(group)[:40]]
    assert asked
    found = find(site, visit, [word for _, word in asked])
    assert [(name, word) for (name, word), told in zip(asked, found, strict=True)
            if name not in {hit["page"] for hit in told["hits"]}] == []


def test_the_spelling_does_not_matter(site, visit):
    """全角、大小写、空格、下划线、连字符，差一个字母。"""
    first = [told["hits"][0] for told in find(site, visit, [
        "TIME_WAIT", "time wait", "Time-Wait", "ＴＩＭＥ＿ＷＡＩＴ", "timewait", "TIME_WIAT"])]
    assert all(hit == first[0] for hit in first)


def test_what_is_found_is_there(site, book, visit):
    """每一条结果指向的页和锚点都在。"""
    found = find(site, visit, ["套接字", "错误", "recv", "的"])
    places = {(hit["page"], hit["anchor"]) for told in found for hit in told["hits"]}
    texts = {page: (book / f"{page}.html").read_text() for page, _ in places}
    assert len(places) > 300
    assert [place for place in sorted(places) if place[1] and f'id="{place[1]}"' not in texts[place[0]]] == []


# ---------------------------------------------------------------- 轻

def test_the_index_is_small_and_waits_for_the_reader(site, book, visit):
    assert (book / "_static" / "search-index.js").stat().st_size <= INDEX_LIMIT
    seen = visit(f"{site}chapters/05_closing.html")
    assert not any("search-index" in url or "search_engine" in url for url in seen.requests)
    seen.page.keyboard.press("/")
    seen.page.keyboard.type("半关闭")
    seen.page.locator(".search-list a").first.wait_for()
    assert sum("search-index" in url for url in seen.requests) == 1


# ---------------------------------------------------------------- 打字、键盘、朗读

@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_typing_shows_results_at_once(key, site, visit):
    page = visit(f"{site}chapters/03_connecting.html").page
    page.keyboard.press(key)
    page.keyboard.type("四次")  # 还没有打完
    expect(page.locator("#pst-search-dialog .search-list a").first).to_contain_text("四次")
    expect(page.locator("#pst-search-dialog [role=status]")).to_have_text(re.compile(r"\d+ 处。"))
    page.keyboard.press("Escape")
    expect(page.locator("#pst-search-dialog")).not_to_be_visible()


def test_the_keyboard_walks_through_the_results(site, visit):
    page = visit(f"{site}index.html").page
    page.keyboard.press("/")
    page.keyboard.type("半关闭")
    links = page.locator("#pst-search-dialog .search-list a")
    links.nth(1).wait_for()
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#pst-search-dialog input")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/chapters/05_closing.html*")


def test_a_slash_in_a_field_is_a_slash(site, visit):
    page = visit(f"{site}search.html").page
    page.keyboard.type("read/write")
    expect(page.locator("main input[name=q]")).to_have_value("read/write")
    expect(page.locator("#pst-search-dialog")).not_to_be_visible()


def test_the_search_page_keeps_the_question_in_its_address(site, visit):
    page = visit(f"{site}search.html?q=多播").page
    expect(page.locator("#search-results .search-list a").first).to_contain_text("组播")
    page.locator("main input[name=q]").fill("惊群")
    expect(page.locator("#search-results .search-list a").first).to_contain_text("惊群")
    assert page.url.endswith("?q=%E6%83%8A%E7%BE%A4")
    page.locator("main input[name=q]").fill("套接字")
    page.get_by_role("button", name=re.compile("再显示")).click()
    expect(page.locator("#search-results .search-list a")).to_have_count(60)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_results_fit_a_phone(dark, site, visit):
    page = visit(f"{site}search.html?q=recv 返回", width=390, dark=dark).page
    page.locator(".search-list a").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    heights = page.locator(".search-list a").evaluate_all("links => links.map(a => a.getBoundingClientRect().height)")
    assert min(heights) > 44


def test_searching_works_from_a_file(book, visit):
    seen = visit((book / "chapters/05_closing.html").as_uri())
    seen.page.keyboard.press("/")
    seen.page.keyboard.type("零窗口")
    seen.page.locator(".search-list a").first.click()
    seen.page.wait_for_url("**/chapters/04_transfer.html*")
    assert seen.errors == []


# ---------------------------------------------------------------- 到了

def test_a_result_opens_the_folded_section_and_marks_the_words(site, visit):
    page = visit(f"{site}search.html?q=SIGPIPE", folded=True).page
    page.locator(".search-list a").first.click()
    page.wait_for_url("**/chapters/05_closing.html*")
    section = page.locator("section.found-here")
    expect(section.locator("> details")).to_have_attribute("open", "")
    expect(section.locator("h3")).to_be_in_viewport()
    assert {word.lower() for word in page.evaluate(MARKED)} == {"sigpipe"}
    assert "found=" not in page.evaluate("location.href")  # 地址可以发给别人
    page.keyboard.press("Escape")
    assert page.evaluate(MARKED) == []


def test_a_result_on_this_page_does_not_load_it_again(site, visit):
    page = visit(f"{site}chapters/05_closing.html", folded=True).page
    page.evaluate("window.still = true")
    page.keyboard.press("/")
    page.keyboard.type("SO_LINGER")
    page.locator(".search-list a").first.click()
    expect(page.locator("section.found-here > details")).to_have_attribute("open", "")
    assert page.evaluate("window.still")


def test_an_entry_in_a_table_is_marked(site, visit):
    page = visit(f"{site}search.html?q=EINTR").page
    page.locator(".search-list a").first.click()
    page.wait_for_url("**/book/appendix_a.html*")
    expect(page.locator("tr.found-here")).to_contain_text("EINTR")
    expect(page.locator("tr.found-here")).to_be_in_viewport()


# ---------------------------------------------------------------- 没有这一页

class _Lost(http.server.SimpleHTTPRequestHandler):
    """书在子路径 /sub/path/ 下的网站；没有的页给 404.html，与托管静态网站的一样。"""

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix("/sub/path")) if path.startswith("/sub/path/") else "/nowhere"

    def send_error(self, code: int, *_: object) -> None:
        body = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def lost(book) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Lost, directory=str(book))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/sub/path/"
        server.shutdown()


@pytest.mark.parametrize(("address", "page"), [
    ("chapters/multiplexing.html", "chapters/12_multiplexing"), ("chapters/old/deep/06_heartbeet.html", "chapters/06_heartbeat"),
    ("半关闭", "chapters/05_closing")])
def test_a_lost_page_searches_for_its_address(address, page, lost, visit):
    seen = visit(lost + address)
    expect(seen.page.locator("h1")).to_have_text("没有这一页")
    expect(seen.page.locator(".search-list a").first).to_have_attribute("href", re.compile(f"^{lost}{page}.html"))
    seen.page.get_by_role("link", name="索引").click()
    expect(seen.page.locator("h1")).to_have_text("索引")
