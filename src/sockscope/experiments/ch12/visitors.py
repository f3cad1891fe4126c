"""第 12 章共用的场面：两个客户端连上同一个服务器，先连上的不说话。"""

from __future__ import annotations

from collections.abc import Callable

from sockscope.experiments import PORT, attempt
from sockscope.live import Network
from sockscope.live.socket import TracedSocket

__all__ = ["ask", "visitors"]


def visitors(net: Network) -> tuple[list[TracedSocket], list[TracedSocket]]:
    """``([先连上的, 后连上的], 服务器接到的两个)``。"""
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    guests = [net.client.socket(), net.client.socket()]
    for sock in guests:
        sock.connect(listener.getsockname())
    return guests, [listener.accept()[0], listener.accept()[0]]


def ask(guests: list[TracedSocket], after: Callable[[], object]) -> None:
    """后连上的先问，各问一句；每问一句叫一次 ``after``。问完再听回答。"""
    for sock in reversed(guests):
        sock.send(b"hello")
        after()
    for sock in reversed(guests):
        sock.settimeout(2)
        attempt(sock.recv, 64)
