"""就绪：每个套接字此刻的 poll(2) 掩码，问的是内核。select、poll、epoll 等的就是它变。

它只在包来往和调用返回时改变，与 TCP 的状态一样，所以也在那些时刻看，不轮询。``poll`` 的时限为 0：只看，不等，也不取走什么。
"""

from __future__ import annotations

import select
import socket
import threading
import weakref
from collections.abc import Callable

from sockscope.live.asleep import poll
from sockscope.live.lives import LIVES
from sockscope.trace.event import READY

__all__ = ["Readiness"]

BITS = {name: getattr(select, f"POLL{name}", 0) for name in READY}  # macOS 没有 POLLRDHUP
ASKED = sum(BITS[name] for name in ("IN", "PRI", "OUT", "RDHUP"))  # HUP、ERR 不问也会说


class Readiness:
    """一台主机的全部套接字；哪个的掩码变了，就叫 ``report(编号, 名字的列表)``，关了则是 ``report(编号, None)``。

    ``lock`` 是保护描述符的那一把（``states.Watch``）：先在锁里交出描述符，再在锁外关闭。
    """

    def __init__(self, lock: threading.RLock, report: Callable[[str, list[str] | None], None]) -> None:
        self.lock, self.report = lock, report
        self.masks: weakref.WeakKeyDictionary[socket.socket, int] = weakref.WeakKeyDictionary()

    def adopt(self, sock: socket.socket) -> None:
        """从此认得这个套接字。"""
        with self.lock:
            self.masks[sock] = -1

    def release(self, sock: socket.socket) -> None:
        """套接字要关了。"""
        with self.lock:
            if self.masks.pop(sock, None) is not None:
                self.report(LIVES[id(sock)].label, None)

    def look(self) -> None:
        """看一眼，把变了的报告出去。"""
        with self.lock:
            asked, by_fd = poll(), {sock.fileno(): sock for sock in list(self.masks) if sock.fileno() >= 0}
            for fd in by_fd:
                asked.register(fd, ASKED)
            found = dict(asked.poll(0)) if by_fd else {}
            for fd, sock in by_fd.items():
                mask = found.get(fd, 0)
                if mask != self.masks[sock]:
                    self.masks[sock] = mask
                    self.report(LIVES[id(sock)].label, [name for name, bit in BITS.items() if mask & bit])
