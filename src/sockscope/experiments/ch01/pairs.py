"""一对说得上话的套接字：三个通信域，四种类型，同一个做法。第 01 章的类型表从这里开始。"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

from sockscope.experiments.experiment import PORT, Choice, attempt
from sockscope.live import Network

__all__ = ["DOMAIN", "KIND", "End", "address", "family_of", "pair"]

DOMAIN = Choice("通信域", {"AF_INET": "AF_INET", "AF_INET6": "AF_INET6", "AF_UNIX": "AF_UNIX"})
KIND = Choice("类型", {"SOCK_STREAM": "SOCK_STREAM", "SOCK_DGRAM": "SOCK_DGRAM",
                      "SOCK_SEQPACKET": "SOCK_SEQPACKET", "SOCK_RAW": "SOCK_RAW"})
TRIAL = 253  # 留给试验用的 IP 协议号（RFC 3692）；原始套接字必须说出一个协议


def family_of(domain: str, kind: str) -> tuple[int, int, int]:
    """``socket()`` 的三个参数。"""
    raw = kind == "SOCK_RAW" and domain != "AF_UNIX"
    return getattr(socket, domain), getattr(socket, kind), TRIAL if raw else 0


def address(net: Network, host: str, domain: str, kind: str, port: int = PORT) -> Any:
    """这台主机在这个通信域里的地址：原始套接字没有端口，Unix 域的是一个文件名。"""
    if domain == "AF_UNIX":
        return f"{net.folder}{port}.sock"
    where = net[host].address6 if domain == "AF_INET6" else net[host].address
    return where, 0 if kind == "SOCK_RAW" else port


def pair(net: Network, domain: str, kind: str, server: str = "server") -> tuple[End, End] | None:
    """``(客户端的一头, 服务器的一头)``，已经知道对方在哪里；这种套接字造不出来则为 None。

    流和顺序包：监听、连接、接受。数据报和原始套接字：各自绑定，每次发送都写明去处。
    ``server="client"`` 让两头都在客户端，包走它自己的环回网口，不上网线。
    """
    net.births = True
    near = attempt(net.client.socket, *family_of(domain, kind))
    if near is None:
        return None
    far = net[server].socket(*family_of(domain, kind))
    there = address(net, server, domain, kind, PORT)
    far.bind(there)
    if kind in ("SOCK_STREAM", "SOCK_SEQPACKET"):
        far.listen()
        near.connect(there)
        if accepted := attempt(far.accept):
            return End(near), End(accepted[0])
        here = address(net, "client", domain, kind)[0], near.getsockname()[1]
        return End(near), End(far, here)  # SCTP 的一对多套接字：没有 accept()，谁来都在这一个上收（RFC 6458 §3）
    here = address(net, "client", domain, kind, PORT + 1)
    near.bind(here)
    return End(near, there), End(far, here)


@dataclass
class End:
    """谈话的一头。``peer`` 是每次发送都要写明的去处；连接了的不用写，为 None。"""

    socket: Any
    peer: Any = None

    def no_delay(self) -> None:
        """TCP 的一头：一次发送一个包，不攒着等确认。别的协议本来如此，什么也不做。"""
        if self.socket.type == socket.SOCK_STREAM and self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def say(self, data: bytes, flags: int = 0) -> int | None:
        """发出去；失败返回 None，errno 在轨迹里。"""
        if self.peer is None:
            return attempt(self.socket.send, data, flags)
        return attempt(self.socket.sendto, data, flags, self.peer)

    def hear(self, size: int = 64, flags: int = 0) -> bytes | None:
        """读一次；失败返回 None。"""
        return attempt(self.socket.recv, size, flags)

    def hear_all(self, size: int = 65_536) -> None:
        """把已经到了的都读出来，一次一项，读到 EAGAIN 为止。"""
        while self.hear(size, socket.MSG_DONTWAIT):
            pass
