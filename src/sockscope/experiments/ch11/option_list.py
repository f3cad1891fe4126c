"""第 11 章的选项：层、名字、C 类型、试着设成什么、管什么。缺省值与读回的值不在这里，要去问内核。

选项号取自 ``socket`` 模块；它没有收的几个，取自 <linux/in.h>。
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Any

from sockscope.live import Network

__all__ = ["LEVELS", "OPTIONS", "Option", "named"]

LEVELS = ("SOL_SOCKET", "IPPROTO_TCP", "IPPROTO_IP", "IPPROTO_IPV6")
UNNAMED = {"IP_MTU_DISCOVER": 10, "IP_MTU": 14}  # Python 3.14 才收
SIZES = {"struct linger": 8, "struct timeval": struct.calcsize("ll"), "char []": 16, "struct tcp_info": 104}
KINDS = {"tcp": (socket.AF_INET, socket.SOCK_STREAM), "udp": (socket.AF_INET, socket.SOCK_DGRAM),
         "tcp6": (socket.AF_INET6, socket.SOCK_STREAM)}


@dataclass(frozen=True)
class Option:
    """一个选项。``value`` 为 None 的只能读；``on`` 是拿什么套接字来问。"""

    level: str
    name: str
    kind: str
    value: Any
    use: str
    on: str = "tcp"

    @property
    def place(self) -> tuple[int, int]:
        """``getsockopt()`` 的前两个参数。"""
        number = getattr(socket, self.name, None) or UNNAMED[self.name]
        return getattr(socket, self.level), number

    def born(self, net: Network, host: str = "client") -> Any:
        """一个可以问它的套接字。"""
        return net[host].socket(*KINDS[self.on])

    def read(self, sock: Any) -> Any:
        """问内核：此刻是多少。"""
        return sock.getsockopt(*self.place, *([SIZES[self.kind]] if self.kind in SIZES else []))

    def write(self, sock: Any) -> None:
        """设成 ``value``；只读的随便给一个数，看内核怎样拒绝。"""
        sock.setsockopt(*self.place, 1 if self.value is None else self.value)


FIFTH = struct.pack("ll", 0, 200_000)  # struct timeval：0.2 秒
OPTIONS = [
    Option("SOL_SOCKET", "SO_TYPE", "int", None, "`socket()` 的第二个参数"),
    Option("SOL_SOCKET", "SO_DOMAIN", "int", None, "`socket()` 的第一个参数"),
    Option("SOL_SOCKET", "SO_PROTOCOL", "int", None, "`socket()` 的第三个参数，0 已换成真的协议号"),
    Option("SOL_SOCKET", "SO_ACCEPTCONN", "int", None, "`listen()` 过没有"),
    Option("SOL_SOCKET", "SO_ERROR", "int", None, "还没有报告的错误，读一次就清掉"),
    Option("SOL_SOCKET", "SO_RCVBUF", "int", 4096, "接收缓冲区，接收窗口由它来"),
    Option("SOL_SOCKET", "SO_SNDBUF", "int", 4096, "发送缓冲区，`send()` 收得下多少"),
    Option("SOL_SOCKET", "SO_RCVLOWAT", "int", 6, "凑够这么多字节，`recv()` 才返回"),
    Option("SOL_SOCKET", "SO_RCVTIMEO", "struct timeval", FIFTH, "`recv()`、`accept()` 至多等多久"),
    Option("SOL_SOCKET", "SO_SNDTIMEO", "struct timeval", FIFTH, "`send()`、`connect()` 至多等多久"),
    Option("SOL_SOCKET", "SO_LINGER", "struct linger", struct.pack("ii", 1, 0), "`close()` 等不等，送不送"),
    Option("SOL_SOCKET", "SO_KEEPALIVE", "int", 1, "连接空闲时探测对端"),
    Option("SOL_SOCKET", "SO_OOBINLINE", "int", 1, "紧急的字节留在流里原来的位置"),
    Option("SOL_SOCKET", "SO_REUSEADDR", "int", 1, "端口上有 TIME_WAIT 或同样设了它的套接字，也绑得上"),
    Option("SOL_SOCKET", "SO_REUSEPORT", "int", 1, "几个监听共用一个端口，都要设"),
    Option("SOL_SOCKET", "SO_BROADCAST", "int", 1, "准许发广播", on="udp"),
    Option("SOL_SOCKET", "SO_DONTROUTE", "int", 1, "不看网关，只走直接连着的网络"),
    Option("SOL_SOCKET", "SO_BINDTODEVICE", "char []", b"lo\0", "只走这个网口", on="udp"),
    Option("IPPROTO_TCP", "TCP_NODELAY", "int", 1, "关掉 Nagle 算法，写一次走一个包"),
    Option("IPPROTO_TCP", "TCP_CORK", "int", 1, "不满一个段的先不走"),
    Option("IPPROTO_TCP", "TCP_QUICKACK", "int", 0, "1 立刻确认，0 可以推迟；内核会自己改回去"),
    Option("IPPROTO_TCP", "TCP_MAXSEG", "int", 500, "握手时报的 MSS：对端的一个段至多带多少数据"),
    Option("IPPROTO_TCP", "TCP_DEFER_ACCEPT", "int", 5, "数据来了才让 `accept()` 返回，秒"),
    Option("IPPROTO_TCP", "TCP_SYNCNT", "int", 1, "SYN 至多重传几次"),
    Option("IPPROTO_TCP", "TCP_USER_TIMEOUT", "int", 300, "发出的数据多久得不到确认就放弃，毫秒；0 是用缺省的重传次数"),
    Option("IPPROTO_TCP", "TCP_KEEPIDLE", "int", 1, "空闲多久开始保活探测，秒"),
    Option("IPPROTO_TCP", "TCP_KEEPINTVL", "int", 1, "保活探测隔多久一次，秒"),
    Option("IPPROTO_TCP", "TCP_KEEPCNT", "int", 3, "几次探测没有回音就放弃"),
    Option("IPPROTO_TCP", "TCP_LINGER2", "int", 5, "没有描述符的 FIN_WAIT2 留多久，秒"),
    Option("IPPROTO_TCP", "TCP_CONGESTION", "char []", b"reno", "拥塞控制算法的名字"),
    Option("IPPROTO_TCP", "TCP_INFO", "struct tcp_info", None, "连接的全部读数：状态、来回时间、重传、窗口……"),
    Option("IPPROTO_IP", "IP_TTL", "int", 1, "包至多过几跳"),
    Option("IPPROTO_IP", "IP_TOS", "int", 0x10, "IP 首部里的服务类型字节（DSCP 与 ECN）"),
    Option("IPPROTO_IP", "IP_MTU_DISCOVER", "int", 2, "“不许分片”：0 不带，1 看情形，2 带，3 带而不理会路径 MTU", on="udp"),
    Option("IPPROTO_IP", "IP_MTU", "int", None, "得知的路径 MTU，连接之后才有", on="udp"),
    Option("IPPROTO_IPV6", "IPV6_V6ONLY", "int", 1, "不接 IPv4 的连接", on="tcp6"),
    Option("IPPROTO_IPV6", "IPV6_UNICAST_HOPS", "int", 1, "IPv6 的 TTL", on="tcp6"),
]


def named(name: str) -> Option:
    """叫这个名字的选项；没有则 ``KeyError``。"""
    found = {option.name: option for option in OPTIONS}
    return found[name]
