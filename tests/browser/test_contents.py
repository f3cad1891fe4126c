"""右边的“本页内容”跟着读者：往下、往上、打开折着的小节。"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

CURRENT = "#page-contents a[aria-current]"


def read(page, title: str, past: int = 40) -> None:
    """让这一节的开头停在屏幕上边以上 ``past`` 像素，也就是读到了里面。"""
    page.locator("h2, h3", has_text=title).first.evaluate(
        "(heading, past) => scrollTo({top: heading.getBoundingClientRect().top + scrollY + past, behavior: 'instant'})", past)


@pytest.mark.parametrize("folded", [False, True], ids=["unfolded", "folded"])
def test_contents_follow_the_reader(folded, site, visit):
    page = visit(f"{site}chapters/05_closing.html", folded=folded).page
    for title in ("预测", "说完了，还在听", "误区", "小结", "误区", "预测"):  # 下去，再上来
        read(page, title)
        expect(page.locator(CURRENT)).to_have_text(title)
        expect(page.locator(CURRENT)).to_be_in_viewport()


def test_the_last_section_is_reached_at_the_end(site, visit):
    page = visit(f"{site}chapters/05_closing.html", folded=True).page
    page.evaluate("scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})")
    expect(page.locator("#page-contents .toc-h3.active > a")).to_contain_text("练习 4")
