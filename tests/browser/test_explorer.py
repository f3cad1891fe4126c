"""交互实验在真实的浏览器里：JupyterLab 里现场，书页里现场或录制，键盘可用，剪刀真的剪。"""

from __future__ import annotations

import json
import re
import socket
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest
from playwright.sync_api import Page, expect

from sockscope import Network, experiments
from sockscope.trace import Trace
from sockscope.widgets.report import report

CHAPTER = "chapters/05_closing"
LIVE = 120_000


def explorer(page: Page, title: str = "六种离开的办法"):
    """页面上的一个实验；书页里的走近了才动手。"""
    page.evaluate("title => document.querySelector(`.sockscope-explorer[data-start*='${title}']`)?.scrollIntoView()", title)
    return page.locator(".ss", has_text=title).first


def choose(shown, label: str) -> None:
    shown.locator("label", has_text=re.compile(f"^{re.escape(label)}$")).first.click()


def complete(shown, key: str) -> None:
    """等到这个变体完整地出现在屏幕上。"""
    expect(shown).to_have_attribute("data-key", key, timeout=LIVE)
    expect(shown).not_to_have_class(re.compile("running"), timeout=LIVE)


@pytest.fixture
def lab(house, visit):
    """在 JupyterLab 里打开只有一个交互实验的笔记本，运行全部单元格。"""
    return run_all(house, visit, "play")


def run_all(house, visit, name: str):
    seen = visit(f"{house.base}lab/tree/{name}.ipynb?reset&token={house.token}")
    seen.page.locator(".jp-StatusBar-TextItem", has_text="| 空闲").wait_for(timeout=LIVE)
    seen.page.locator(".lm-MenuBar-itemLabel", has_text="运行").click()
    seen.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^运行所有单元格$")).click()
    return seen


def test_the_kernel_is_gone(lab, house):
    """内核死了：图还在，标签不再说实时，开关关着，一句话说怎么办。"""
    page, shown = lab.page, explorer(lab.page)
    complete(shown, "close.0.0.0")
    names = [f"kernel-{kernel['id']}.json" for kernel in page.request.get(f"{house.base}api/kernels?token={house.token}").json()]
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(word.endswith(tuple(names)) for word in process.cmdline()):
                process.kill()
    expect(shown.locator(".ss-badge")).to_have_text("内核已停", timeout=LIVE)
    expect(shown.locator(".ss-status")).to_contain_text("重新运行这一格")
    expect(shown.locator(".ss-controls input").first).to_be_disabled()
    assert shown.locator(".ss-figure .packet").count()


def pointed_bytes(shown) -> None:
    """指着字段，它的字节亮；指着字节，它的字段亮。"""
    if not shown.locator(".ss-bytes pre").first.is_visible():
        shown.get_by_text("字节", exact=True).click()
    expect(shown.locator(".ss-bytes pre").first).to_contain_text("0000  45 00")
    tcp = shown.locator(".ss-bytes", has_text="TCP 头")
    port = tcp.get_by_role("button", name="目的端口")
    port.focus()
    lit = tcp.locator("pre .hot")
    expect(lit).to_have_count(1)
    assert f"目的端口 {int(lit.inner_text().replace(' ', ''), 16)}" == port.inner_text()
    tcp.locator("pre [data-field]").nth(2).hover()
    expect(tcp.locator(".ss-field.hot")).to_contain_text("序号")
    expect(tcp.locator(".ss-field.hot")).to_have_count(1)


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
    pointed_bytes(shown)
    shown.get_by_role("button", name="剪掉这个包再跑一遍").click()
    expect(shown.locator(".ss-cuts")).to_contain_text("客户端 → 服务器：SYN", timeout=LIVE)
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


def loaded(shown) -> None:
    """等到解释与结果也取来了。"""
    expect(shown.locator(".ss-more summary").first).to_be_visible()


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
    expect(shown.locator(".ss-figure svg")).to_have_class(re.compile("narrow" if width < 692 else "wide"))
    assert seen.errors == []
    assert seen.outside(base) == []


def test_keyboard_alone(site, visit):
    seen, shown = open_page(visit, site)
    figure = shown.locator(".ss-figure")
    figure.focus()
    loaded(shown)
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
    shown.locator("input[type=range]").fill("10")
    expect(shown.locator(".ss-clock")).to_have_text(re.compile("ms$"))
    expect(shown.locator(".ss-figure .packet.syn").last).to_have_class(re.compile("later"))
    shown.locator("input[type=range]").fill("1000")
    expect(shown.locator(".ss-figure .later")).to_have_count(0)
    expect(shown.locator(".ss-clock")).to_be_empty()


def test_a_selection_stays(site, visit):
    """读者靠近时取来的解释只到一次，不会打扰之后选中的事件。"""
    seen, shown = open_page(visit, site)
    shown.hover()
    loaded(shown)
    shown.locator(".ss-figure .packet.fin .hit").first.click(force=True)
    seen.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    expect(shown.locator(".ss-detail h4")).to_contain_text("FIN")
    assert shown.locator(".selected").count() == 1


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_play_runs_to_the_end(site, visit, motion):
    seen, shown = open_page(visit, site)
    page = seen.page
    page.emulate_media(reduced_motion=motion)
    page.clock.install()
    shown.get_by_role("button", name="播放").click()
    page.clock.run_for(1000)
    expect(shown.locator(".ss-play")).to_have_text("暂停")
    expect(shown.locator(".ss-figure")).to_have_class(re.compile("timed"))
    assert shown.locator(".ss-figure .later").count() > 0
    page.clock.fast_forward(20_000)
    page.clock.run_for(100)
    expect(shown.locator(".ss-play")).to_have_text("播放")
    expect(shown.locator(".ss-figure .later")).to_have_count(0)


def test_the_panel_never_covers_the_selected_event(site, visit):
    seen, shown = open_page(visit, site, width=390)
    figure, panel = shown.locator(".ss-figure"), shown.locator(".ss-detail")
    figure.focus()
    loaded(shown)
    for _ in range(12):
        seen.page.keyboard.press("ArrowDown")
    chosen, box = shown.locator(".selected").first.bounding_box(), panel.bounding_box()
    assert 0 < chosen["y"] < chosen["y"] + min(chosen["height"], 80) <= box["y"] + 1
    assert box["y"] + box["height"] <= 844


def test_fingers_find_every_control(site, browser):
    with browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        page.goto(f"{site}{CHAPTER}.html")
        shown = explorer(page)
        shown.locator(".ss-options label").first.tap()
        loaded(shown)
        shown.locator(".ss-figure .packet .hit").first.dispatch_event("click")
        small = shown.locator("button, label, summary, input[type=range]").evaluate_all(
            "all => all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 40).map(e => e.outerHTML)")
        assert small == []


def test_recorded_cut_is_shown_and_mended(site, visit):
    seen, shown = open_page(visit, site)
    choose(shown, "close()")
    for switch in shown.get_by_role("switch", checked=True).all():
        switch.uncheck(force=True)
    expect(shown).to_have_attribute("data-key", "close.0.0.0")
    shown.get_by_role("button", name="剪包").click()
    shown.locator(".ss-figure .packet.syn .hit").first.click(force=True)
    expect(shown.locator(".ss-figure")).to_contain_text("重传")
    shown.get_by_role("button", name="不剪“客户端 → 服务器：SYN”").click()
    expect(shown.locator(".ss-figure")).not_to_contain_text("重传")
    assert seen.errors == []


def test_unrecorded_cut_says_how_to_see_it(site, visit):
    seen, shown = open_page(visit, site)
    choose(shown, "shutdown(SHUT_RDWR)")
    expect(shown).to_have_attribute("data-key", re.compile("SHUT_RDWR"))
    shown.locator(".ss-figure .packet.syn .hit").first.click(force=True)
    expect(shown.locator(".ss-detail")).to_contain_text(re.compile("没有录。.*(make serve|启动页内内核)"))
    expect(shown.get_by_role("button", name="剪")).to_have_count(0)
    assert seen.errors == []


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
    expect(page.locator(".sockscope-explorer").first.locator("pre:visible")).to_contain_text("客户端发往服务器 SYN，")
    context.close()


def test_typed_numbers_and_choices_are_one_parameter(site, visit):
    """填一个录过的数，等于点它；填一个没有录的，说怎样才做得了；填错的不去问。"""
    page = visit(f"{site}chapters/03_connecting.html").page
    shown = explorer(page, "listen() 的参数")
    shown.locator("summary", has_text="自己填数").click()
    field, chosen = shown.get_by_label("listen() 的参数，0 到 16"), shown.locator("[type=radio]:checked")
    field.fill("3")
    field.press("Enter")
    complete(shown, "3.0")
    expect(chosen).to_have_value("3")
    shown.locator(".ss-options label", has_text="0").click()
    complete(shown, "0.0")
    expect(field).to_have_value("0")
    field.fill("7")
    field.press("Enter")
    expect(shown.locator(".ss-status.error")).to_contain_text("这一种没有录制")
    expect(chosen).to_have_count(0)
    field.fill("17")
    field.press("Enter")
    assert not field.evaluate("field => field.checkValidity()")
    complete(shown, "0.0")


# ---------------------------------------------------------------- 做不了现场实验的机器上的 Lab

def test_lab_elsewhere_without_the_page_kernel_plays_the_recording(house, visit):
    """书没有带着页内内核：和从前一样放录制，拨动开关也是。"""
    seen = visit(f"{house.base}book/?token={house.token}")
    seen.page.context.route("**/page_kernel/current.json", lambda route: route.fulfill(status=404))
    shown = explorer(run_all(house, lambda url: (seen.page.goto(url), seen)[1], "elsewhere").page)
    complete(shown, "close.0.0.0")
    choose(shown, "shutdown(SHUT_WR)")
    complete(shown, "SHUT_WR.0.0.0")
    expect(shown.locator(".ss-badge")).to_have_text("录制")
    expect(shown.locator(".ss-kernel")).to_have_count(0)


@pytest.mark.soak
def test_lab_elsewhere_lends_the_kernel_of_the_page(house, visit):
    """Windows、macOS 上的 Lab：同一个按钮启动页内内核，之后拨动开关都在它里面真的做。"""
    seen = run_all(house, visit, "elsewhere")
    shown = explorer(seen.page)
    shown.locator(".ss-kernel button").click()
    expect(shown.locator(".ss-badge")).to_have_text("实时（页内内核）")
    expect(shown.locator(".ss-difference")).to_contain_text("一致")
    choose(shown, "shutdown(SHUT_RD)")
    expect(shown).to_have_attribute("data-key", "SHUT_RD.0.0.0")
    expect(shown.locator(".ss-figure .packet.rst")).to_have_count(1)
    assert seen.errors == []
    assert seen.outside(house.base) == []


@pytest.fixture
def answered(house, visit):
    """在 make serve 的书页里，“运行”的回答是这条轨迹。"""
    def show(trace: Trace, **options):
        wanted = experiments.get("closing")
        told = report(wanted, [], replace(trace, experiment="closing", parameters=wanted.defaults), "")
        seen = visit(house.book, **options)
        seen.page.route("**/sockscope/run*", lambda route: route.fulfill(body=json.dumps(told), content_type="application/json"))
        seen.page.goto(f"{house.base}book/{CHAPTER}.html")
        shown = explorer(seen.page)
        choose(shown, "shutdown(SHUT_RDWR)")
        complete(shown, "close.0.0.0")  # 回答的那条轨迹，不管问的是什么
        return seen, shown

    return show


def conversation(count: int, size: int = 1) -> Trace:
    """``count`` 个数据报；每个都不一样大，连不成一片的就不折。"""
    with Network("client", "server") as net:
        near, far = (host.socket(socket.AF_INET, socket.SOCK_DGRAM) for host in (net.client, net.server))
        far.bind((net.server.address, 7))
        for number in range(count):
            near.sendto(b"x", far.getsockname())
            far.recv(8)
            if size > 1 and not number % size:
                far.close()  # 收不下的那个，回一个 ICMP，折的就断在这里
                net.settle()
                near.sendto(b"x", (net.server.address, 7))
                net.settle()
                far = net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
                far.bind((net.server.address, 7))
    return net.trace


def test_a_tall_figure_has_an_overview(answered):
    seen, shown = answered(conversation(60, 2))
    strip = shown.locator(".ss-overview")
    expect(strip).to_have_count(1, timeout=LIVE)
    assert shown.locator(".ss-overview text, .ss-overview [data-event]").count() == 0
    frame, box = strip.locator("i"), strip.bounding_box()
    strip.scroll_into_view_if_needed()
    strip.click(position={"x": 20, "y": box["height"] * 0.8})
    at = seen.page.evaluate("""() => {
      const strip = [...document.querySelectorAll(".ss-overview")].find((one) => one.clientHeight);
      const box = strip.nextElementSibling.getBoundingClientRect();
      return (innerHeight / 2 - box.top) / box.height;
    }""")
    assert 0.7 < at < 0.9
    assert frame.bounding_box()["height"] > 0
    assert strip.locator("svg").bounding_box()["height"] > box["height"] * 0.95
    assert seen.errors == []


def test_a_short_figure_has_none(site, visit):
    _seen, shown = open_page(visit, site)
    expect(shown.locator("svg:visible")).to_have_count(1)
    expect(shown.locator(".ss-overview")).to_have_count(0)


def test_a_fold_lists_what_is_in_it(answered):
    """点折起来的一段：里面的事一件一行；点一件就解释它，还回得去；键盘也到得了。"""
    seen, shown = answered(conversation(60))
    band = shown.locator(".folded:visible")
    band.locator("text").first.click(timeout=LIVE)
    folded = len(band.get_attribute("data-events").split())
    detail = shown.locator(".ss-detail")
    expect(detail.locator("h4")).to_have_text(f"折起来的 {folded} 件事")
    expect(detail.locator("li")).to_have_count(min(folded, 200))
    detail.locator("li button", has_text="sendto").first.click()
    expect(detail).to_contain_text("sendto")
    expect(detail.locator("li")).to_have_count(0)
    detail.get_by_role("button", name="回到折起来的一段").click()
    expect(detail.locator("li")).to_have_count(min(folded, 200))
    seen.page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    shown.locator(".ss-figure").focus()
    while not detail.locator("li").count():
        seen.page.keyboard.press("ArrowDown")
    assert seen.errors == []
