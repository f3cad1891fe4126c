"""队列：每个 TCP 套接字的接收队列、发送队列里各有多少字节，监听套接字的全连接队列里有几条连接，问的是内核。

接收队列问 FIONREAD，发送队列问 SIOCOUTQ（tcp(7)）：后者数的是还没有被确认的字节，不论发出去了没有。
监听套接字的 TCP_INFO 里，tcpi_unacked 是等着 accept() 的连接数（Linux）。三者都只在包来往和调用返回时改变，
与 TCP 的状态一样，所以也在那些时刻看，不轮询。数据报的队列不看：FIONREAD 只说下一个数据报有多长。
"""

from __future__ import annotations

import socket
import struct
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress

from sockscope.live.lives import LIVES
from sockscope.live.states import RAW, tcp_info_state
from sockscope.trace.event import QUEUES

try:  # Windows 没有
    from fcntl import ioctl
    from termios import FIONREAD, TIOCOUTQ  # SIOCOUTQ 就是 TIOCOUTQ（<linux/sockios.h>）

    ASKS = {"receive": FIONREAD, "send": TIOCOUTQ}
except ImportError:
    ASKS = {}

__all__ = ["Queues", "known_queues"]

UNACKED = 24  # struct tcp_info 里 tcpi_unacked 的位置（<linux/tcp.h>）


def known_queues(names: Iterable[str]) -> tuple[str, ...]:
    """要看哪几种队列；不认识的抛 ``ValueError``。"""
    wanted = (names,) if isinstance(names, str) else tuple(names)
    if strange := [name for name in wanted if name not in QUEUES]:
        raise ValueError(f"queues 里的 {strange[0]!r} 不是 {'、'.join(QUEUES)} 之一。")
    return wanted


class Queues:
    """一台主机的全部 TCP 套接字；哪个队列变了，就叫 ``report(编号, 哪个队列, 多少)``，关了则是 ``report(编号, 哪个队列, None)``。

    ``lock`` 是保护描述符的那一把（``states.Watch``）。一直空着的队列不报告。
    """

    def __init__(self, wanted: tuple[str, ...], lock: threading.RLock, report: Callable[[str, str, int | None], None]) -> None:
        self.wanted, self.lock, self.report = wanted, lock, report
        self.sizes: weakref.WeakKeyDictionary[socket.socket, dict[str, int]] = weakref.WeakKeyDictionary()

    def adopt(self, sock: socket.socket) -> None:
        """从此认得这个套接字。"""
        with self.lock:
            self.sizes[sock] = {}

    def release(self, sock: socket.socket) -> None:
        """套接字要关了。"""
        with self.lock:
            for queue in self.sizes.pop(sock, {}):
                self.report(LIVES[id(sock)].label, queue, None)

    def look(self) -> None:
        """看一眼，把变了的报告出去。"""
        with self.lock:
            for sock in [sock for sock in self.sizes if sock.fileno() >= 0]:
                known = self.sizes[sock]
                for queue, size in self._read(sock):
                    if size != known.get(queue, 0):
                        known[queue] = size
                        self.report(LIVES[id(sock)].label, queue, size)

    def _read(self, sock: socket.socket) -> Iterable[tuple[str, int]]:
        """它有的队列，各有多少。"""
        if tcp_info_state(sock) == "LISTEN":
            if "accept" in self.wanted:
                info = RAW.getsockopt(sock, socket.IPPROTO_TCP, socket.TCP_INFO, UNACKED + 4)
                yield "accept", struct.unpack_from("=I", info, UNACKED)[0]
            return
        for queue, request in ASKS.items():
            if queue in self.wanted:
                with suppress(OSError):  # 对端已经重置了它：没有队列了
                    yield queue, struct.unpack("=i", ioctl(sock.fileno(), request, bytes(4)))[0]
