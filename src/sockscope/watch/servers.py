"""内置的几种服务：在 server 上用记录在案的套接字，几十行的程序，图里的每一次调用都是它做的。"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from sockscope.live import Host
from sockscope.live.socket import TracedSocket

__all__ = ["SERVERS", "serve"]

SIZE = 4096
Handler = Callable[[TracedSocket], None]


def echo(conn: TracedSocket) -> None:
    """收到什么，送回什么（RFC 862）。"""
    while data := conn.recv(SIZE):
        conn.sendall(data)


def discard(conn: TracedSocket) -> None:
    """收下，什么也不说（RFC 863）。"""
    while conn.recv(SIZE):
        pass


def daytime(conn: TracedSocket) -> None:
    """说一声几点了，就挂断（RFC 867）。"""
    conn.sendall(time.strftime("%Y-%m-%d %H:%M:%S\r\n").encode())


def http(conn: TracedSocket) -> None:
    """答每一个请求：200，一行文字（RFC 9112）。"""
    received = b""
    while True:
        while b"\r\n\r\n" not in received:
            if not (data := conn.recv(SIZE)):
                return
            received += data
        head, _, received = received.partition(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").split("\r\n")
        values = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in fields)}
        length = int(values["content-length"]) if values.get("content-length", "").isdigit() else 0
        while len(received) < length and (data := conn.recv(SIZE)):
            received += data
        received = received[length:]
        stays = first.endswith("HTTP/1.1") and values.get("connection", "").lower() != "close"
        conn.sendall(_answer(first, stays))
        if not stays:
            return


def _answer(request: str, stays: bool) -> bytes:
    method, _, rest = request.partition(" ")
    body = f"server 收到了 {method} {rest.partition(' ')[0]}\n".encode()
    head = ["HTTP/1.1 200 OK", "Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(body)}"]
    head += [] if stays else ["Connection: close"]
    return "\r\n".join([*head, "", ""]).encode() + (b"" if method == "HEAD" else body)


SERVERS: dict[str, tuple[int, Handler]] = {
    "http": (80, http), "echo": (7, echo), "discard": (9, discard), "daytime": (13, daytime)}


def serve(host: Host, name: str) -> None:
    """在这台主机上开始这种服务，一个连接一个线程；返回时它已经在听。``http:8080`` 换一个端口。"""
    kind, _, port = name.partition(":")
    usual, handler = SERVERS[kind]

    def talk(conn: TracedSocket) -> None:
        with suppress(OSError):  # 对端走得急：这不是这里的错
            handler(conn)
        with suppress(OSError):
            conn.close()

    def listen() -> None:
        listener = host.socket()
        listener.bind(("0.0.0.0", int(port or usual)))
        listener.listen()
        while True:
            conn, _ = listener.accept()
            host.spawn(talk, conn)

    listen.__name__ = talk.__name__ = kind
    host.spawn(listen)
