"""全部测试共用的几样东西：仓库在哪里，构建好的书，提供它的静态网站。"""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """仓库的根目录。"""
    return ROOT


@pytest.fixture(scope="session")
def book() -> Path:
    """构建好的书（_build/html）。测试不构建它：make test 已先构建。"""
    html = ROOT / "_build" / "html"
    if not (html / "index.html").exists():
        pytest.fail("书还没有构建；先运行 make book。")
    return html


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site(book: Path) -> Iterator[str]:
    """一个普通的静态网站，内容是构建好的书；返回根地址，以 / 结尾。"""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=book)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
