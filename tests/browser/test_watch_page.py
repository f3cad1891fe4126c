"""``sockscope watch --html`` 的网页：从文件打开，什么也不取，点得开每一个事件。"""

from __future__ import annotations

import socket

import pytest
from playwright.sync_api import expect

from sockscope import Network, experiments
from sockscope.watch import page


@pytest.fixture
def address(tmp_path) -> str:
    trace = experiments.recording("closing", how="SHUT_WR")
    (tmp_path / "a.html").write_text(page.render(trace), encoding="utf-8")
    return (tmp_path / "a.html").as_uri()


@pytest.mark.parametrize("width", [1280, 390])
def test_an_event_is_explained_where_it_is_clicked(visit, address, width):
    seen = visit(address, width=width)
    told = seen.page.locator("#told")
    expect(told).to_be_hidden()
    seen.page.locator(".packet:visible .hit").first.dispatch_event("click")
    expect(told).to_contain_text("SYN")
    expect(told).to_contain_text("IPv4")
    expect(seen.page.locator(".packet.selected:visible")).to_have_count(1)
    seen.page.keyboard.press("Escape")
    expect(told).to_be_hidden()
    call = seen.page.locator(".call:visible").first
    call.focus()
    seen.page.keyboard.press("Enter")
    expect(told).to_be_visible()
    assert seen.requests == [address]
    assert seen.errors == []
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_capture_is_in_the_page(visit, address):
    seen = visit(address)
    with seen.page.expect_download() as download:
        seen.page.get_by_text("抓包（pcapng）").click()
    with open(download.value.path(), "rb") as file:
        assert file.read(4) == b"\x0a\x0d\x0d\x0a"


def test_it_is_readable_without_scripts(browser, address):
    context = browser.new_context(java_script_enabled=False)
    without = context.new_page()
    without.goto(address)
    without.get_by_text("文字版").click()
    expect(without.locator("details pre")).to_contain_text("SYN")
    context.close()


def test_a_fold_lists_what_is_in_it(visit, tmp_path):
    with Network("client", "server") as net:
        near, far = (host.socket(socket.AF_INET, socket.SOCK_DGRAM) for host in (net.client, net.server))
        far.bind((net.server.address, 7))
        for _ in range(60):
            near.sendto(b"x", far.getsockname())
            far.recv(8)
    (tmp_path / "b.html").write_text(page.render(net.trace), encoding="utf-8")
    seen = visit((tmp_path / "b.html").as_uri())
    told, band = seen.page.locator("#told"), seen.page.locator(".folded:visible")
    band.locator("text").first.click()
    expect(told.locator("h2")).to_have_text(f"折起来的 {len(band.get_attribute('data-events').split())} 件事")
    told.get_by_role("button", name="sendto").first.click()
    expect(told.locator("li")).to_have_count(0)
    expect(told).to_contain_text("sendto")
    seen.page.keyboard.press("Escape")
    band.focus()
    seen.page.keyboard.press("Enter")
    expect(told.locator("li").first).to_be_visible()
    assert seen.errors == []
