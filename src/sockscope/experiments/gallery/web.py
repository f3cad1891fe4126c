"""标准库的网页服务器和客户端：只给出一页，说得尽量短。"""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sockscope.live import Network

if TYPE_CHECKING:
    import ssl

__all__ = ["ask", "serving"]


class Page(http.server.BaseHTTPRequestHandler):
    """答每一个请求：200，hello。首部与正文一次写出。"""

    protocol_version, server_version, sys_version = "HTTP/1.1", "demo", ""
    wbufsize = -1

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, *_: object) -> None:
        """不写日志。"""


@contextmanager
def serving(net: Network, port: int, idle: float | None = None, secure: ssl.SSLContext | None = None) -> Iterator[None]:
    """server 上的网页服务器，在它自己的线程里，直到用完；``idle`` 秒没有下一个请求，它就挂断。"""
    with net.server:
        server = http.server.HTTPServer(("", port), type("Page", (Page,), {"timeout": idle}))
    if secure is not None:
        server.socket = secure.wrap_socket(server.socket, server_side=True)
    with net.server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="http.server")
        thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(client: http.client.HTTPConnection, path: str) -> None:
    """要一页，读完。"""
    client.request("GET", path)
    client.getresponse().read()
