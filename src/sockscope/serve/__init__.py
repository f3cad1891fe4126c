"""书与实验的服务器：JupyterLab 的一个扩展，把构建好的书和现场实验放在同一个地址下。

工作原理
--------
``/book/…``        构建好的书（``_build/html``）。与 Lab 同源，所以书页可以请这台服务器真的运行实验。
``/sockscope/run``  运行一次实验，回答它的轨迹与图。和 Lab 的其他接口一样要令牌与 XSRF。
``/sockscope/ping`` 这台机器此刻能做到哪一步：实时，还是实时（无抓包），还是只能放录制。

书页怎样知道自己有没有服务器：服务器送出网页时在 ``<head>`` 里放一个标记（见 pages.marker）。
静态网站和 file:// 上没有这个标记，页面就只用录制，不会发出任何落空的请求。
"""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import Any

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension", "_start_jupyter_server_extension"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "sockscope.serve"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Jupyter 服务器启动时调用：登记三个地址。``server`` 是 ``ServerApp``。"""
    from jupyter_server.utils import url_path_join

    from sockscope.serve.pages import BookHandler
    from sockscope.serve.run import PingHandler, RunHandler

    base = server.web_app.settings["base_url"]
    book = {"path": str(Path(server.root_dir) / "_build" / "html"), "default_filename": "index.html"}
    server.web_app.add_handlers(".*$", [
        (url_path_join(base, "/book"), BookHandler, book),
        (url_path_join(base, "/book/(.*)"), BookHandler, book),
        (url_path_join(base, "/sockscope/run"), RunHandler),
        (url_path_join(base, "/sockscope/ping"), PingHandler),
    ])


async def _start_jupyter_server_extension(server: Any) -> None:
    """服务器已经在听了：告诉读者两个地址；由 make serve 启动而又有图形界面时，打开书。"""
    root = f"http://127.0.0.1:{server.port}{server.base_url}"
    token = f"token={server.identity_provider.token}"
    book = f"{root}book/?{token}"
    print(f"\n  书          {book}\n  JupyterLab  {root}lab?{token}\n\n  按 Ctrl + C 结束。\n", flush=True)
    if os.environ.pop("SOCKSCOPE_OPEN", ""):
        webbrowser.open(book)
