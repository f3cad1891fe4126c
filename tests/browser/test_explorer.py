"""交互实验在真实的浏览器里：JupyterLab 里现场，书页里现场或录制，键盘可用，剪刀真的剪。"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

CHAPTER = "chapters/05_closing"
LIVE = 30_000


def explorer(page: Page):
    """页面上的主实验。"""
    return page.locator(".ss", has_text="六种离开的办法").first


def choose(shown, label: str) -> None:
    shown.locator("label", has_text=re.compile(f"^{re.escape(label)}$")).first.click()


def complete(shown, key: str) -> None:
    """等到这个变体完整地出现在屏幕上。"""
    expect(shown).to_have_attribute("data-key", key, timeout=LIVE)
    expect(shown).not_to_have_class(re.compile("running"), timeout=LIVE)


@pytest.fixture
def lab(house, visit):
    """在 JupyterLab 里打开只有一个交互实验的笔记本，运行全部单元格。"""
    seen = visit(f"{house.base}lab/tree/play.ipynb?reset&token={house.token}")
    seen.page.locator(".jp-StatusBar-TextItem", has_text="| 空闲").wait_for(timeout=LIVE)
    seen.page.locator(".lm-MenuBar-itemLabel", has_text="运行").click()
    seen.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^运行所有单元格$")).click()
    return seen


def test_live_in_jupyterlab(lab):
    page, shown = lab.page, explorer(lab.page)
    complete(shown, "close.0.0.0")
    expect(shown.locator(".ss-badge")).to_have_text("实时")
    expect(shown.locator(".ss-difference")).to_contain_text("与书上的录制")

    choose(shown, "shutdown(SHUT_RD)")
    complete(shown, "SHUT_RD.0.0.0")
    expect(shown.locator(".ss-figure .packet.rst")).to_have_count(1)

    shown.locator(".ss-figure .packet.syn .hit").first.click(force=True)
    expect(shown.locator(".ss-detail")).to_contain_text("请求建立连接")
    expect(shown.locator(".ss-bytes pre").first).to_contain_text("0000  45 00")
    shown.get_by_role("button", name="剪掉这个包再跑一遍").click()
    expect(shown.locator(".ss-cuts")).to_contain_text("client>server SYN", timeout=LIVE)
    complete(shown, "SHUT_RD.0.0.0")
    expect(shown.locator(".ss-figure")).to_contain_text("重传", timeout=LIVE)
    shown.locator(".ss-cuts button").click()
    expect(shown.locator(".ss-cuts")).to_be_hidden(timeout=LIVE)
    expect(shown.locator(".ss-figure")).not_to_contain_text("重传", timeout=LIVE)
    assert lab.errors == []
    assert page.locator(".jp-Notebook .jp-RenderedText[data-mime-type$=stderr]").count() == 0


def test_latest_toggle_wins(lab):
    shown = explorer(lab.page)
    complete(shown, "close.0.0.0")
    for label in ("shutdown(SHUT_RD)", "shutdown(SHUT_RDWR)", "shutdown(SHUT_WR)"):
        choose(shown, label)
    complete(shown, "SHUT_WR.0.0.0")


def open_page(visit, base: str, **options):
    seen = visit(f"{base}{CHAPTER}.html", **options)
    return seen, explorer(seen.page)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_recorded_in_a_static_page(site, book, visit, scheme, width, dark):
    base = site if scheme == "http" else book.as_uri() + "/"
    seen, shown = open_page(visit, base, width=width, dark=dark)
    expect(shown.locator("svg:visible")).to_have_count(1)
    shown.hover()
    expect(shown.locator(".ss-badge")).to_have_text("录制")
    choose(shown, "SO_LINGER 0 再 close()")
    expect(shown).to_have_attribute("data-key", re.compile("linger0"))
    expect(shown.locator(".ss-figure .packet.rst")).to_have_count(1)
    expect(shown.locator(".ss-figure svg")).to_have_class(re.compile("narrow" if width < 640 else "wide"))
    assert seen.errors == []
    assert seen.outside(base) == []


def test_keyboard_alone(site, visit):
    seen, shown = open_page(visit, site)
    figure = shown.locator(".ss-figure")
    figure.focus()
    expect(shown.locator(".ss-badge")).to_have_text("录制")
    for _ in range(3):
        seen.page.keyboard.press("ArrowDown")
    expect(shown.locator(".ss-detail h4")).not_to_be_empty()
    first = shown.locator(".ss-detail h4").inner_text()
    seen.page.keyboard.press("ArrowDown")
    expect(shown.locator(".ss-detail h4")).not_to_have_text(first)
    seen.page.keyboard.press("Escape")
    expect(shown.locator(".ss-detail")).to_be_hidden()
    shown.locator("input[type=radio]:checked").first.focus()
    seen.page.keyboard.press("ArrowRight")
    expect(shown).to_have_attribute("data-key", re.compile("SHUT_RD|SHUT_WR"))


def test_time_slider_hides_what_has_not_happened(site, visit):
    _seen, shown = open_page(visit, site)
    shown.hover()
    expect(shown.locator(".ss-badge")).to_have_text("录制")
    shown.locator("input[type=range]").fill("10")
    expect(shown.locator(".ss-figure .packet.syn").last).to_have_class(re.compile("later"))
    shown.locator("input[type=range]").fill("1000")
    expect(shown.locator(".ss-figure .later")).to_have_count(0)


def test_unrecorded_cut_says_how_to_see_it(site, visit):
    _seen, shown = open_page(visit, site)
    choose(shown, "shutdown(SHUT_RDWR)")
    expect(shown).to_have_attribute("data-key", re.compile("SHUT_RDWR"))
    shown.locator(".ss-figure .packet.syn .hit").first.click(force=True)
    shown.get_by_role("button", name="剪掉这个包再跑一遍").click()
    expect(shown.locator(".ss-status")).to_contain_text("make serve")


def test_live_in_the_served_page(house, visit):
    seen = visit(house.book)
    seen.page.goto(f"{house.base}book/{CHAPTER}.html")
    shown = explorer(seen.page)
    choose(shown, "shutdown(SHUT_RDWR)")
    expect(shown.locator(".ss-badge")).to_have_text("实时", timeout=LIVE)
    expect(shown).to_have_attribute("data-key", re.compile("SHUT_RDWR"), timeout=LIVE)
    assert seen.errors == []


def test_readable_without_scripts(book, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{book.as_uri()}/{CHAPTER}.html")
    expect(page.locator(".sockscope-explorer").first.locator("svg:visible")).to_have_count(1)
    context.close()
