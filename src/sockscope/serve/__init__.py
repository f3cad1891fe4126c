"""书与实验的服务器：JupyterLab 的一个扩展，把书和现场实验放在同一个地址下。

工作原理
--------
``/book/…``            构建好的书（``_build/html``）。与 Lab 同源，所以书页可以请这台服务器真的运行实验。
                       还没有书时，是一页自带进度的等候页；书排好了，它自己变成书（见 builder）。
``/sockscope/builder``  书构建到哪里了。
``/sockscope/run``      运行一次实验，回答它的轨迹与图。和 Lab 的其他接口一样要令牌与 XSRF。
``/sockscope/ping``     这台机器此刻能做到哪一步：实时，还是实时（无抓包），还是只能放录制。

读者先等到的是服务器：它在听了就打印地址，书在后台构建，优先级低，随服务器一起结束。

书页怎样知道自己有没有服务器：服务器送出网页时在 ``<head>`` 里放一个标记（见 pages.marker）。
静态网站和 file:// 上没有这个标记，页面就只用录制，不会发出任何落空的请求。
"""

from __future__ import annotations

from typing import Any

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension", "_start_jupyter_server_extension"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "sockscope.serve"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Jupyter 服务器启动时调用：登记几个地址。``server`` 是 ``ServerApp``。"""
    from jupyter_server.utils import url_path_join

    from sockscope.serve.compare import CompareHandler
    from sockscope.serve.door import Door
    from sockscope.serve.pages import BookHandler, BuilderHandler
    from sockscope.serve.run import PingHandler, RunHandler
    from sockscope.widgets.kernel_panel import Job

    door = server.web_app.settings["sockscope_door"] = Door(server)
    base = server.web_app.settings["base_url"]
    book = {"path": str(door.builder.html), "default_filename": "index.html", "builder": door.builder}
    server.web_app.add_handlers(".*$", [
        (url_path_join(base, "/book"), BookHandler, book),
        (url_path_join(base, "/book/(.*)"), BookHandler, book),
        (url_path_join(base, "/sockscope/builder"), BuilderHandler, {"builder": door.builder}),
        (url_path_join(base, "/sockscope/run"), RunHandler),
        (url_path_join(base, "/sockscope/ping"), PingHandler),
        (url_path_join(base, "/sockscope/compare"), CompareHandler, {"job": Job()}),
    ])


async def _start_jupyter_server_extension(server: Any) -> None:
    """服务器已经在听了。"""
    server.web_app.settings["sockscope_door"].open_up()
