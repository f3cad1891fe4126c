"""套接字的身世：它是哪台主机的，编号是什么。记在这里，不记在套接字身上：平常的 ``socket.socket`` 没有地方放。

键是对象的 ``id()``：它死去时（``__del__``）抹掉，新的诞生时（``__init__``）也先抹一遍，所以不会认错人。
"""

from __future__ import annotations

import socket
import weakref
from typing import TYPE_CHECKING, Any

from sockscope.live.states import PLAIN, RAW, Address

if TYPE_CHECKING:
    from sockscope.live.host import Host
    from sockscope.live.network import Network

__all__ = ["LIVES", "Life", "TracedSocket", "forget_all", "settle", "who"]


class Life:
    """一个套接字的身世。``foreign``：是别人写的程序的，没有人再用就关闭；``with_header``：收到的连着 IP 首部。不留住主机。"""

    __slots__ = ("_host", "describing", "ends", "foreign", "label", "with_header")

    def __init__(self, host: Host, label: str, foreign: bool) -> None:
        self._host = weakref.ref(host)
        self.label, self.foreign = label, foreign
        self.ends: tuple[Address, Address] | None = None
        self.describing = self.with_header = False

    @property
    def host(self) -> Host:
        host = self._host()
        assert host is not None, "主机已经不在了"
        return host

    @property
    def over(self) -> bool:
        """主机已经不在了。"""
        return self._host() is None


LIVES: dict[int, Life] = {}


class TracedSocket(PLAIN):
    """读者在一台主机上新建的套接字。方法、参数、返回值、异常都与 ``socket.socket`` 相同。

    ``label`` 是它在主机上的编号（``s1``、``s2``……），``host`` 是它的主机。
    """

    host: Host
    label: str
    if TYPE_CHECKING:
        def accept(self) -> tuple[TracedSocket, Any]: ...
        def dup(self) -> TracedSocket: ...


def settle(sock: socket.socket, host: Host, label: str = "", foreign: bool = False) -> None:
    """从此属于这台主机。"""
    life = LIVES[id(sock)] = Life(host, host.register(sock.fileno(), label, foreign), foreign)
    life.with_header = (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_RAW)
    if isinstance(sock, TracedSocket):
        sock.host, sock.label = host, life.label
    host.adopt(sock, foreign)


def forget_all(network: Network) -> None:
    """这个网络的都忘掉：它关了。"""
    for key, life in list(LIVES.items()):
        if life.over or life.host.network is network:
            LIVES.pop(key, None)


def who(sock: socket.socket) -> tuple[str, Address, Address | None]:
    """它的编号、本地地址与对端地址；还没有对端则为 None。"""
    life = LIVES[id(sock)]
    if life.ends is None:
        try:
            local = _on_wire(RAW.getsockname(sock))
        except OSError:
            return life.label, ("0.0.0.0", 0), None
        try:
            life.ends = local, _on_wire(RAW.getpeername(sock))
        except OSError:
            return life.label, local, None
    return life.label, *life.ends


def _on_wire(address: tuple[str, int]) -> Address:
    """网线上的地址：AF_INET6 套接字接住的 IPv4 连接写作 ``::ffff:10.0.0.1``，包里却是 ``10.0.0.1``。"""
    return address[0].removeprefix("::ffff:"), address[1]
