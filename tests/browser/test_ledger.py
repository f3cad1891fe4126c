"""附录 D 的筛选：数目对，几项一起用，地址记得住；没有脚本时整张表都在。"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from sockscope.pages import ledger

BELIEFS = ledger.all_beliefs()
SHOWN = """[...document.querySelectorAll(".sockscope-ledger tbody tr")]
    .filter(row => row.getClientRects().length).map(row => row.id)"""


def press(page, group: str, name: str) -> None:
    page.get_by_role("group", name=group, exact=True).get_by_role("button", name=re.compile(f"^{name} ")).click()


def test_filters_count_and_combine(site, visit):
    page = visit(f"{site}book/appendix_d.html").page
    assert page.evaluate(SHOWN) == [c.name for c in BELIEFS]
    press(page, "裁决", "看系统")
    press(page, "章", "05")
    wanted = [c.name for c in BELIEFS if c.verdict == "看系统" and c.chapter == "05"]
    assert page.evaluate(SHOWN) == wanted
    expect(page.locator(".shown")).to_have_text(f"{len(BELIEFS)} 条里的 {len(wanted)} 条。")
    held = {c.holds for c in BELIEFS if c.name in wanted}
    linux = sum(c.holds == "Linux" for c in BELIEFS if c.name in wanted)
    group = page.get_by_role("group", name="凭什么")
    expect(group.get_by_role("button", name=re.compile("^Linux "))).to_have_text(f"Linux {linux}")
    assert group.locator("button:enabled").count() == 1 + len(held)  # 选了就一条也不剩的，按不下去


def test_the_address_remembers_the_choice(site, visit):
    page = visit(f"{site}book/appendix_d.html").page
    press(page, "裁决", "成立")
    page.get_by_placeholder("说法里的字").fill("close()")
    before = page.evaluate(SHOWN)
    assert 0 < len(before) < len(BELIEFS)
    page.reload()
    assert page.evaluate(SHOWN) == before
    expect(page.get_by_role("button", name=re.compile("^成立 "))).to_have_attribute("aria-pressed", "true")


def test_a_link_to_one_row_arrives(site, visit):
    page = visit(f"{site}book/appendix_d.html#{BELIEFS[-1].name}").page
    expect(page.locator(f"#{BELIEFS[-1].name}")).to_be_in_viewport()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_filters_fit_a_phone(dark, site, visit):
    page = visit(f"{site}book/appendix_d.html", width=390, dark=dark).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_the_whole_table_is_there(site, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}book/appendix_d.html")
    assert page.locator(".sockscope-ledger tbody tr").count() == len(BELIEFS)
    expect(page.locator("noscript p.missing, p.missing").first).to_contain_text("没有运行脚本")
    context.close()
