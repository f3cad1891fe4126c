"""书还没有构建好：等候页说到哪里了，电话上也放得下，深色浅色都看得清；书好了，它自己变成书；随后一次没有成功，上一本还在。"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="假的构建等的是管道文件，只在 POSIX 系统上有")

BUILD = """
import pathlib, sys
print('• 构建全书', flush=True)
print('  写网页 40%', flush=True)
if open('go').read() == 'bad':
    sys.exit('第 05 章有一处错误')
here = pathlib.Path('_build/html')
here.mkdir(parents=True)
(here / 'index.html').write_text('<html><head><title>书</title></head><body><h1>书来了</h1></body></html>')
"""
SERVE = "import pathlib; from sockscope.serve.__main__ import serve; serve(pathlib.Path.cwd(), 0, build=True)"


@pytest.fixture
def empty_house(tmp_path):
    """还没有书的一台服务器，构建停在半路；给出书的地址，和放行的那个管道文件。"""
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "build.py").write_text(BUILD)
    os.mkfifo(tmp_path / "go")
    with subprocess.Popen([sys.executable, "-c", SERVE], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        address = next(found[0] for line in server.stdout if (found := re.search(r"http://\S+/book/\?token=\w+", line)))
        yield address, tmp_path / "go"
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0


def test_the_waiting_page_becomes_the_book(empty_house, visit):
    address, go = empty_house
    visits = [visit(address, width=width, dark=dark, settle=False) for width in (390, 1280) for dark in (False, True)]
    for seen in visits:
        seen.page.get_by_text("写网页", exact=True).wait_for()
        assert seen.page.get_by_role("progressbar").get_attribute("aria-valuenow") == "40"
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert seen.page.get_by_role("link", name="现在就可以打开").get_attribute("href") == "/lab"
    paper = [seen.page.evaluate("getComputedStyle(document.body).backgroundColor") for seen in visits[:2]]
    assert paper[0] != paper[1]
    go.write_text("good")
    for seen in visits:
        seen.page.get_by_role("heading", name="书来了").wait_for()
        assert seen.page.url == address.split("?")[0]
        assert seen.outside(address.split("book/")[0]) == []


def test_a_build_that_failed_is_told_on_the_page(empty_house, visit):
    address, go = empty_house
    seen = visit(address, width=390, settle=False)
    go.write_text("bad")
    seen.page.get_by_role("heading", name="书没有构建成功").wait_for()
    assert "第 05 章有一处错误" in seen.page.locator("#lines").inner_text()
    html = Path(go.parent, "_build", "html")
    html.mkdir(parents=True)
    Path(html, "index.html").write_text("<html><head></head><body><h1>make book 之后</h1></body></html>")
    seen.page.get_by_role("heading", name="make book 之后").wait_for()
    assert seen.page.get_by_role("status").inner_text().startswith("来源改过之后，书没有重新构建成功")


def test_a_new_book_is_seen_on_reloading(empty_house, visit):
    """换了一本书，样式也是新的：服务器不记着从前的内容，哪怕时间和长度都没有变。"""
    address, go = empty_house
    seen = visit(address, settle=False)
    go.write_text("good")
    seen.page.get_by_role("heading", name="书来了").wait_for()
    style = go.parent / "_build" / "html" / "style.css"
    style.write_text("a {}")
    old = seen.page.request.get(f"{seen.page.url}style.css")
    before = style.stat()
    style.write_text("b {}")
    os.utime(style, ns=(before.st_atime_ns, before.st_mtime_ns))
    new = seen.page.request.get(f"{seen.page.url}style.css", headers={"If-None-Match": old.headers["etag"]})
    assert (old.text(), new.status, new.text()) == ("a {}", 200, "b {}")
