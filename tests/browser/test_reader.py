"""读者的东西：首页的图自己放一遍，报错框给出原因；链接恢复一次实验；图带得走；术语有预览；读到哪里、怎样答的，记在这台设备上。"""

from __future__ import annotations

import json

from playwright.sync_api import expect

CHAPTER = "chapters/05_closing.html"


def test_the_landing_figure_plays_and_the_box_finds_the_cause(site, visit):
    seen = visit(site + "index.html", width=1280)
    page = seen.page
    expect(page.locator(".alive .ss.fresh")).to_have_count(1)
    expect(page.locator(".alive .ss-clock")).to_contain_text("ms")  # 放起来了，钟就有了读数
    assert page.locator(".doors a").count() == 3
    expect(page.locator(".your-system")).to_contain_text("录制")
    page.locator("#symptom").fill("curl: (56) Recv failure: Connection reset by peer")
    first = page.locator(".symptom-results a").first
    expect(first).to_contain_text("ECONNRESET")
    first.click()
    expect(page).to_have_url(f"{site}book/symptoms.html#connection-reset")
    expect(page.locator("#connection-reset ol.causes")).to_be_visible()  # 原因走近了才做，到了就在
    assert seen.errors == []
    assert seen.outside(site) == []


def test_a_link_restores_the_switches_and_the_moment(site, visit):
    seen = visit(f"{site}{CHAPTER}#x=closing&v=close.1.0.0&t=500")
    shown = seen.page.locator('.ss[data-key="close.1.0.0"]')
    expect(shown).to_be_visible()
    expect(shown.locator(".ss-time input")).to_have_value("500")
    expect(shown.get_by_role("switch").first).to_be_checked()
    assert seen.errors == []


def test_a_figure_can_be_taken_along(site, visit):
    page = visit(f"{site}{CHAPTER}#x=closing&v=close.1.0.0").page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = page.locator('.ss[data-key="close.1.0.0"]')
    shown.locator(".ss-take summary").click()
    files = {}
    for kind in ("SVG", "PNG", "pcapng"):
        with page.expect_download() as download:
            shown.get_by_role("button", name=kind, exact=True).click()
        files[kind] = download.value.path().read_bytes()
    assert files["SVG"].startswith(b"<svg")
    assert b"stroke" in files["SVG"].split(b"</style>")[0]  # 样式在里面，到哪里都一样
    assert files["PNG"].startswith(b"\x89PNG")
    assert files["pcapng"].startswith(b"\x0a\x0d\x0d\x0a")
    shown.get_by_role("button", name="复制链接").click()
    expect(shown.locator(".ss-take [role=status]")).to_have_text("链接复制好了。")
    assert page.evaluate("navigator.clipboard.readText()") == f"{site}{CHAPTER}#x=closing&v=close.1.0.0"


def test_a_term_shows_its_meaning_to_the_keyboard(site, visit):
    page = visit(site + CHAPTER).page
    page.locator("a.term:visible").first.focus()
    expect(page.locator("#preview")).to_contain_text("术语")
    page.keyboard.press("Escape")
    expect(page.locator("#preview")).to_be_hidden()


def test_answers_and_progress_stay_on_the_device(site, visit):
    seen = visit(site + CHAPTER)
    page = seen.page
    quiz = page.locator(".sockscope-quiz[id]").first
    question = quiz.locator("p").first.inner_text()
    quiz.locator("details:has(.wrong) summary").first.click()
    expect(page.locator(".next-step")).to_contain_text("答错过")
    expect(page.locator(".bd-docs-nav .current .read")).to_be_attached()
    page.goto(site + "book/progress.html")
    expect(page.locator(".my-progress table")).to_contain_text("05 关闭连接")
    expect(page.locator(".my-progress li a")).to_have_text(question)
    with page.expect_download() as download:
        page.get_by_role("button", name="导出").click()
    kept = download.value.path()
    assert "wrong" in json.loads(kept.read_text())["memory"]["pages"]["chapters/05_closing"]["answers"].values()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="全部忘掉").click()
    expect(page.locator(".my-progress")).to_contain_text("还没有读过哪一页")
    chosen = page.locator(".my-progress input[type=file]")
    chosen.set_input_files({"name": "x.json", "mimeType": "application/json", "buffer": b"{}"})
    expect(page.locator(".memory-said")).to_contain_text("什么也没有改")
    chosen.set_input_files(kept)
    expect(page.locator(".my-progress li a")).to_have_text(question)
    page.goto(site + "index.html")
    expect(page.locator(".resume a")).to_contain_text("05 关闭连接")
    assert seen.errors == []
