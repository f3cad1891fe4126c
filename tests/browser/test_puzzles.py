"""谜题页：看到才取图，第一次点开的算数，记在这台设备上，重做、导出、键盘；没有脚本也做得了。"""

from __future__ import annotations

import json

from playwright.sync_api import expect

PAGE = "book/puzzles.html"


def test_a_wrong_answer_says_why_and_the_right_one_uncovers_the_figure(site, visit):
    seen = visit(site + PAGE)
    puzzle = seen.page.locator(".sockscope-puzzle").first
    figure = puzzle.locator(".shown svg:visible")
    expect(figure).to_be_visible()
    covered = figure.inner_html()
    puzzle.locator(".sockscope-quiz details:not([data-right]) summary").first.click()
    expect(puzzle.locator("p.wrong:visible")).to_contain_text("✗ 不是。")
    expect(puzzle).to_have_attribute("data-said", "wrong")
    puzzle.locator("details[data-right] summary").click()
    expect(puzzle.locator("p.right")).to_contain_text("依据：录制")
    expect(puzzle).to_have_attribute("data-said", "wrong")  # 第一次没有答对，就是没有答对
    expect(figure).not_to_contain_text("？？？")
    assert figure.inner_html() != covered
    assert seen.errors == []
    assert seen.outside(site) == []


def test_figures_are_drawn_only_when_near(site, visit):
    seen = visit(site + PAGE)
    expect(seen.page.locator(".sockscope-puzzle svg").first).to_be_visible()
    drawn = seen.page.locator(".sockscope-puzzle svg").count()
    assert 0 < drawn < seen.page.locator(".sockscope-puzzle").count() / 4
    assert [url for url in seen.requests if "/_static/recordings/" in url] == []


def test_progress_is_kept_exported_and_reset(site, visit):
    seen = visit(site + PAGE)
    first, score = seen.page.locator(".sockscope-puzzle").first, seen.page.locator(".sockscope-score").first
    summary = first.locator("details[data-right] summary")
    summary.focus()
    seen.page.keyboard.press("Enter")  # 只用键盘
    expect(score).to_contain_text("答过 1 道，第一次就对的 1 道")
    seen.page.reload()
    expect(score).to_contain_text("答过 1 道，第一次就对的 1 道")
    expect(first.locator(".verdict")).to_have_text("✓ 第一次就对了")
    with seen.page.expect_download() as download:
        score.get_by_role("button", name="导出答过的").click()
    assert json.loads(download.value.path().read_text()) == {first.get_attribute("data-id"): "right"}
    score.get_by_role("button", name="重做这几道").click()
    expect(score).to_contain_text("答过 0 道")
    expect(first.locator(".verdict")).to_have_text("")


def test_without_scripts_the_text_and_the_answers_are_there(site, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + PAGE)
    first = page.locator(".sockscope-puzzle").first
    expect(first.locator("pre")).to_be_visible()
    first.locator("details[data-right] summary").click()
    expect(first.locator("p.right")).to_be_visible()
    context.close()
