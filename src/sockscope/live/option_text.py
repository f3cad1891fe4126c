"""套接字选项写成人话：名字，和拆开的结构。

Python 的 ``socket`` 模块没有收全 Linux 的选项；没有收的，号码取自 <linux/in.h>、<asm-generic/socket.h>。
"""

from __future__ import annotations

import functools
import socket
import struct
import sys
from typing import Any

__all__ = ["WORDS", "constants", "option_name", "pieces", "structured"]

LEVELS = {socket.SOL_SOCKET: "SO_", socket.IPPROTO_TCP: "TCP_", socket.IPPROTO_IP: "IP_",
          socket.IPPROTO_IPV6: "IPV6_", socket.IPPROTO_UDP: "UDP_"}
STRANGERS = ("SO_J1939", "SO_VM_SOCKETS", "IP_DEFAULT_", "IP_MAX_", "IP_PMTUDISC_")  # 同样的开头，却属于别的层或不是选项
UNNAMED = {(socket.IPPROTO_IP, 8): "IP_PKTINFO", (socket.IPPROTO_IP, 10): "IP_MTU_DISCOVER",
           (socket.IPPROTO_IP, 11): "IP_RECVERR", (socket.IPPROTO_IP, 12): "IP_RECVTTL",
           (socket.IPPROTO_IP, 14): "IP_MTU", (socket.IPPROTO_IP, 49): "IP_MULTICAST_ALL",
           (socket.SOL_SOCKET, 29): "SO_TIMESTAMP", (socket.SOL_SOCKET, 35): "SO_TIMESTAMPNS",
           (socket.SOL_SOCKET, 40): "SO_RXQ_OVFL", (socket.SOL_SOCKET, 55): "SO_MEMINFO",
           (socket.SOL_SOCKET, 26): "SO_ATTACH_FILTER", (socket.SOL_SOCKET, 36): "SO_MARK",
           (socket.SOL_SOCKET, 46): "SO_BUSY_POLL", (socket.SOL_SOCKET, 50): "SO_ATTACH_BPF",
           (socket.SOL_SOCKET, 57): "SO_COOKIE", (socket.SOL_SOCKET, 60): "SO_ZEROCOPY",
           (socket.IPPROTO_TCP, 19): "TCP_REPAIR", (socket.IPPROTO_TCP, 27): "TCP_SAVE_SYN",
           (socket.IPPROTO_TCP, 28): "TCP_SAVED_SYN", (socket.IPPROTO_TCP, 30): "TCP_FASTOPEN_CONNECT",
           (socket.IPPROTO_TCP, 31): "TCP_ULP", (socket.IPPROTO_TCP, 36): "TCP_INQ",
           (socket.IPPROTO_IP, 13): "IP_RECVTOS", (socket.IPPROTO_IP, 15): "IP_FREEBIND",
           (socket.IPPROTO_IP, 19): "IP_TRANSPARENT", (socket.IPPROTO_IP, 24): "IP_BIND_ADDRESS_NO_PORT",
           (socket.IPPROTO_UDP, 103): "UDP_SEGMENT", (socket.IPPROTO_UDP, 104): "UDP_GRO"} if sys.platform == "linux" else {}
STRUCTURES = {"SO_LINGER": ("ii", "{{l_onoff={}, l_linger={}}}"),
              "SO_RCVTIMEO": ("ll", "{{tv_sec={}, tv_usec={}}}"), "SO_SNDTIMEO": ("ll", "{{tv_sec={}, tv_usec={}}}")}
ADDRESSES = ("IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP", "IP_MULTICAST_IF")  # struct ip_mreq 或 in_addr：IPv4 地址一个接一个
WORDS = ("SO_BINDTODEVICE", "TCP_CONGESTION")  # char []，后面的 NUL 不写


@functools.cache
def constants(prefix: str) -> list[tuple[str, int]]:
    """``socket`` 模块里以 ``prefix`` 开头的常数。"""
    return [(n, int(getattr(socket, n))) for n in dir(socket) if n.startswith(prefix)]


def option_name(level: int, option: int) -> str:
    """``(SOL_SOCKET, 13)`` → ``SO_LINGER``；没有名字的写成两个数。"""
    for name, number in constants(LEVELS.get(level, "?")):
        if number == option and not name.startswith(STRANGERS):
            return name
    return UNNAMED.get((level, option), f"{level}, {option}")


def structured(level: int, option: int, value: Any) -> str | None:
    """值是结构或字符串的选项，拆开来写；别的返回 None。TCP_INFO 有几十个字段，只说它多长。"""
    return pieces(option_name(level, option), value) if isinstance(value, bytes) else None


def pieces(name: str, value: bytes) -> str | None:
    """同上，选项给的是名字。"""
    if name == "TCP_INFO":
        return f"struct tcp_info（{len(value)} 字节）"
    if name in WORDS:
        return repr(value.rstrip(b"\0"))
    if name in ADDRESSES and len(value) in (4, 8):
        return ", ".join(socket.inet_ntoa(value[i:i + 4]) for i in range(0, len(value), 4))
    form, text = STRUCTURES.get(name, ("", ""))
    return text.format(*struct.unpack(form, value)) if form and struct.calcsize(form) == len(value) else None
