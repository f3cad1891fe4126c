"""只用键盘、用小屏幕、放大了读：看得见焦点，跳得过目录，哪里都不横着滚，抽屉挡得住正文。"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.test_accessibility import settled

OPAQUE = """node => !/^rgba/.test(getComputedStyle(node).backgroundColor)"""
HELD = """() => {  // 有焦点的是谁，轮廓多宽
  const at = document.activeElement, {outlineStyle, outlineWidth} = getComputedStyle(at);
  return [at.ariaLabel || at.textContent.trim(), outlineStyle === "none" ? 0 : parseFloat(outlineWidth)];
}"""


def tabbed(page: Page, times: int) -> list[tuple[str, float]]:
    """按这么多次 Tab，一次一次的焦点。"""
    return [tuple(page.evaluate(HELD)) for _ in range(times) if page.keyboard.press("Tab") is None]


@pytest.mark.parametrize("width", [390, 820])
def test_the_drawer_hides_what_is_under_it(width, site, visit):
    page = visit(f"{site}chapters/05_closing.html", width=width).page
    page.locator(".header-article-items__start .primary-toggle").click()
    drawer = page.locator("#pst-primary-sidebar-modal")
    expect(drawer.locator(".bd-docs-nav")).to_be_visible()
    assert drawer.evaluate(OPAQUE)


def test_every_stop_of_the_tab_key_is_seen(site, visit):
    page = visit(f"{site}chapters/05_closing.html", folded=True).page
    stops = tabbed(page, 60)
    assert [name for name, width in stops if width < 2] == []
    assert {"跳到正文", "搜索（/ 或 Ctrl + K）", "切换明暗", "打印这一页"} <= {name for name, _ in stops} | {
        page.locator(".search-button-field").get_attribute("title")}


def test_three_keys_to_the_first_explorer(site, visit):
    page = visit(f"{site}chapters/05_closing.html", folded=True).page
    assert [name for name, _ in tabbed(page, 2)] == ["跳到正文", "跳到第一个交互实验"]
    page.keyboard.press("Enter")
    expect(page.locator("#first-explorer")).to_be_in_viewport()
    page.keyboard.press("Tab")
    expect(page.locator("#first-explorer :focus")).to_have_count(1)


def test_the_figure_by_keyboard(site, visit):
    """回车到说明里去，Esc 回来；剪不了的说一句人人看得见的话；选中什么，说给屏幕阅读器。"""
    page = visit(f"{site}chapters/05_closing.html").page
    page.locator("#first-explorer").scroll_into_view_if_needed()
    shown = page.locator("#first-explorer .ss")
    shown.locator(".ss-figure").focus()
    expect(shown).to_have_attribute("data-key", re.compile("."))
    page.keyboard.press("ArrowDown")
    expect(shown.locator(".ss-heard")).to_contain_text(shown.locator(".ss-detail h4").inner_text())
    page.keyboard.press("x")
    expect(shown.locator(".ss-status")).to_have_text("只有包能剪：选网线上的一个箭头。")
    assert shown.locator(".ss-status").bounding_box()["height"] > 10
    assert shown.locator(".ss-status").evaluate("node => getComputedStyle(node).clipPath") == "none"
    page.keyboard.press("Enter")
    expect(shown.locator(".ss-detail :focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(shown.locator(".ss-figure")).to_be_focused()


def test_wider_letters_leave_the_figures_alone(site, visit):
    """读者放大字距（WCAG 1.4.12），正文跟着变，图里的字不动。"""
    page = visit(f"{site}chapters/05_closing.html").page
    page.add_style_tag(content="* { letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }")
    settled(page)
    spacing = "node => getComputedStyle(node).letterSpacing"
    assert page.locator(".bd-article p").first.evaluate(spacing) != "normal"
    assert page.locator(".sockscope text").first.evaluate(spacing) == "normal"


def test_the_trail_follows_the_reader(site, visit):
    page = visit(f"{site}chapters/05_closing.html").page
    page.locator("h2", has_text="误区").scroll_into_view_if_needed()
    page.mouse.wheel(0, 600)
    expect(page.locator(".trail")).to_be_visible()
    expect(page.locator(".trail a")).to_have_text("05 关闭连接")
    expect(page.locator(".trail-part")).to_have_text(re.compile("误区|小结|交互实验"))


def test_names_in_tables_stay_whole_on_a_phone(site, visit):
    """一个名字折成两行就认不出来：表放不下，在它自己的框里横着滚，键盘也到得了。"""
    page = visit(f"{site}chapters/01_sockets.html", width=390).page
    settled(page)
    broken = page.evaluate("""() => [...document.querySelectorAll(".bd-article :is(td, th) code")]
      .filter((code) => !/\\s/.test(code.textContent) && code.getClientRects().length > 1).map((code) => code.textContent)""")
    assert broken == []
    unreached = page.evaluate("""() => [...document.querySelectorAll(".bd-article .pst-scrollable-table-container")]
      .filter((frame) => frame.scrollWidth > frame.clientWidth + 1 && frame.tabIndex !== 0).length""")
    assert unreached == 0


def test_the_menu_and_the_trail_share_one_line(site, visit):
    page = visit(f"{site}chapters/05_closing.html", width=390).page
    page.mouse.wheel(0, 3000)
    expect(page.locator(".trail")).to_be_visible()
    menu, trail = (page.locator(css).bounding_box() for css in (".header-article-items__start .primary-toggle", ".trail"))
    assert menu["y"] >= 0
    assert abs(menu["y"] + menu["height"] / 2 - trail["y"] - trail["height"] / 2) < 4


def test_a_han_character_is_two_cells_in_the_text_form(site, visit):
    """字体是读者机器上的：只看用的是哪一个，它放大多少。"""
    page = visit(f"{site}chapters/05_closing.html").page
    scaled = page.evaluate("""() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
      .filter((rule) => rule instanceof CSSFontFaceRule).map(({cssText}) => cssText.match(/size-adjust: ([^;]+)/)?.[1])""")
    assert scaled == ["120.4%"]
    page.locator("#first-explorer").scroll_into_view_if_needed()
    page.locator("#first-explorer .ss-figure").focus()
    text = page.locator("#first-explorer .ss-more pre").first
    assert text.evaluate("node => getComputedStyle(node).fontFamily").startswith("sockscope-cjk")
