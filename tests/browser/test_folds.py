"""各章折起来的小节：第一次来是目录，点开才是内容；链接指向里面就打开，“全部展开”记得住，打印时都打开。"""

from __future__ import annotations

from playwright.sync_api import expect

CHAPTER = "chapters/03_connecting.html"
CLOSED = "details.fold.part:not([open])"


def test_a_chapter_is_a_contents_first(site, visit):
    page = visit(f"{site}{CHAPTER}", folded=True).page
    parts = page.locator("details.fold.part")
    assert page.locator(CLOSED).count() > parts.count() / 2
    closed = page.locator(CLOSED).first
    expect(closed.locator("h3")).to_be_visible()
    expect(closed.locator(".folded")).not_to_be_visible()
    closed.locator("summary").first.click()
    expect(page.locator("details.fold.part[open] .folded").nth(1)).to_be_visible()


def test_a_link_into_a_part_opens_it(site, visit):
    page = visit(f"{site}{CHAPTER}", folded=True).page
    anchor = page.locator("section:has(> details.fold.part:not([open]))").last.get_attribute("id")
    page.goto(f"{site}{CHAPTER}#{anchor}")
    expect(page.locator(f"#{anchor} > details")).to_have_attribute("open", "")


def test_unfolding_everything_is_remembered(site, visit):
    page = visit(f"{site}{CHAPTER}", folded=True).page
    page.get_by_role("button", name="全部展开").click()
    expect(page.locator(CLOSED)).to_have_count(0)
    page.reload()
    expect(page.locator(CLOSED)).to_have_count(0)
    page.get_by_role("button", name="全部折起").click()
    expect(page.locator("details.fold.part[open]")).to_have_count(0)


def test_nothing_is_missing_in_print(site, visit):
    page = visit(f"{site}{CHAPTER}", folded=True).page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("details.fold:not([open])")).to_have_count(0)
