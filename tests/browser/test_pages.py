"""每一页书，在真实的浏览器里：不向外请求，控制台干净，手机上不横滚，脚本够轻。"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.browser.test_accessibility import EVERY, settled

from sockscope.serve.policy import POLICY

SCRIPT_LIMIT = 150_000
NODES = 3_000  # 打开以后、什么也没有动的时候

CLIPPED = """() => [...document.querySelectorAll('div.cell_input pre, .sd-tab-content pre')]
    .filter(pre => pre.offsetParent && pre.scrollWidth > pre.clientWidth).map(pre => pre.innerText.slice(0, 60))"""


CUT = """() => {  // 左右被哪个祖先裁掉了的图
  const found = [];
  for (const one of document.querySelectorAll("main svg.sockscope, main .ss-later, main .sockscope-explorer")) {
    const {left, right, width} = one.getBoundingClientRect();
    for (let at = one.parentElement; at && width; at = at.parentElement) {
      const box = at.getBoundingClientRect();
      if (getComputedStyle(at).overflowX !== "visible" && (left < box.left - 1 || right > box.right + 1)) {
        found.push(`${one.getAttribute("class")} ${left}..${right}：${at.className} ${box.left}..${box.right}`);
      }
    }
  }
  return found;
}"""
WIDE = "document.documentElement.scrollWidth"


@pytest.mark.parametrize("page", EVERY)
def test_page_on_a_phone(page, site, visit):
    """打开一次，都看到：不向外请求，脚本够轻，节点不多，浅色深色都不横滚，图不被裁掉，控制台干净。"""
    seen = visit(site + page, width=390)
    for theme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=theme)
        expect(seen.page.locator("html")).to_have_attribute("data-theme", re.compile(f"{theme}|auto"))  # 404 没有主题的脚本
        assert seen.page.evaluate(WIDE) <= 390
    assert seen.page.locator('meta[http-equiv="Content-Security-Policy"]').get_attribute("content") == POLICY
    assert seen.page.evaluate("document.querySelectorAll('*').length") < NODES
    if page != "search.html":
        data = ("/_static/figures/", "/_static/search-index.js")  # 图的包和检索的索引是数据（404 一来就要检索）
        programs = {url: size for url, size in seen.scripts.items() if not any(place in url for place in data)}
        assert sum(programs.values()) < SCRIPT_LIMIT, programs
    settled(seen.page)
    assert seen.page.evaluate(CUT) == []
    for width in (320, 640):  # 最小的手机，和 1280 像素的窗口放大到 200 %
        seen.page.set_viewport_size({"width": width, "height": 844})
        assert seen.page.evaluate(WIDE) <= width
    assert seen.outside(site) == []
    assert seen.errors == []


def test_the_tables_of_types_are_not_clipped(site, visit):
    """笔记本电脑的宽度上，类型表与探测表的最后一列看得见。"""
    page = visit(f"{site}chapters/01_sockets.html", width=1280).page
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    wide = page.evaluate("""() => [...document.querySelectorAll(".sockscope-grid")].map(
      grid => [grid.querySelector("caption").innerText,
               grid.querySelector("table").getBoundingClientRect().width - grid.clientWidth])""")
    assert len(wide) >= 4
    assert [table for table in wide if table[1] > 0] == []


@pytest.mark.parametrize("page", EVERY)
def test_page_opens_from_a_file(page, book, visit):
    """双击打开的书，笔记本电脑的宽度：80 格的一行放得下，图不被裁掉。"""
    seen = visit((book / page).as_uri())
    settled(seen.page)
    assert seen.page.evaluate(CLIPPED) == []
    assert seen.page.evaluate(CUT) == []
    assert seen.outside(book.as_uri()) == []
    assert seen.errors == []


@pytest.mark.parametrize(("width", "shape"), [(390, "narrow"), (1280, "wide")])
@pytest.mark.parametrize("name", ["chapters/05_closing", "book/puzzles"])
def test_the_first_figure_waits_for_no_script(name, width, shape, site, browser):
    """脚本一个也取不来：第一张图还是画着，宽窄合适。"""
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.route("**/*.js*", lambda route: route.abort())
    page.goto(f"{site}{name}.html", wait_until="domcontentloaded")
    figure = page.locator(".ss-later").first.locator("svg.sockscope")
    expect(figure).to_have_count(1)
    expect(figure).to_have_class(re.compile(rf"\b{shape}\b"))
    expect(figure).to_be_visible()
    page.close()


def test_lab_button_stays_hidden_without_a_server(site, visit):
    seen = visit(f"{site}chapters/00_preface.html")
    assert seen.page.locator("#open-in-lab").is_hidden()


def test_drawer_opens_on_a_phone(site, visit):
    seen = visit(f"{site}chapters/00_preface.html", width=390)
    seen.page.locator(".header-article-items__start .primary-toggle").click()
    seen.page.locator("#pst-primary-sidebar-modal .bd-docs-nav").wait_for(state="visible")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_syn_has_one_colour_on_the_page_and_in_the_figure(dark, site, visit):
    page = visit(f"{site}chapters/05_closing.html#x=closing&v=close.1.0.0", dark=dark).page  # 图走近了才有：到一张有 RST 的那里
    expect(page.locator('.ss[data-key="close.1.0.0"] .rst .line').first).to_be_attached()
    seen = page.evaluate("""() => {
      const look = (css, what) => getComputedStyle(document.querySelector(css))[what];
      return {figure: look(".sockscope .syn .line", "stroke"), link: look(".bd-article p a:not(.term)", "color"),
        button: look(".ss-run", "backgroundColor"), wrong: look(".sockscope-quiz .wrong", "boxShadow").split(" 4px")[0],
        reset: look(".sockscope .rst .line", "stroke"), paper: look(".sockscope .bed", "fill"),
        page: look("body", "backgroundColor"), box: look(".ss", "backgroundColor")};
    }""")
    assert seen["figure"] == seen["link"] == seen["button"]
    assert seen["wrong"] == seen["reset"]
    assert seen["paper"] == seen["page"] == seen["box"]


def test_theme_switch_changes_colours(site, visit):
    page = visit(f"{site}index.html").page
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator(".theme-switch-button").first.click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
