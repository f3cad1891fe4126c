"""套接字选项写成人话：名字，和拆开的结构。

Python 的 ``socket`` 模块没有收全 Linux 的选项；没有收的，见 ``option_numbers.py``。
"""

from __future__ import annotations

import functools
import socket
import struct
from typing import Any

from sockscope.live.option_numbers import UNNAMED

__all__ = ["WORDS", "constants", "option_name", "pieces", "structured"]

LEVELS = {socket.SOL_SOCKET: "SO_", socket.IPPROTO_TCP: "TCP_", socket.IPPROTO_IP: "IP_",
          socket.IPPROTO_IPV6: "IPV6_", socket.IPPROTO_UDP: "UDP_"}
STRANGERS = ("SO_J1939", "SO_VM_SOCKETS", "IP_DEFAULT_", "IP_MAX_", "IP_PMTUDISC_")  # 同样的开头，却属于别的层或不是选项
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
