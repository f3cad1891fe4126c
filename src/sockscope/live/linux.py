"""Linux 的名字：别的系统的 Python 没有的常数，这里都有，实验因此在哪里都导入得了，只写一遍。

系统自己有的，就是它自己的数；没有的，是 Linux 的数（<bits/socket.h>、<linux/tcp.h>、<asm-generic/socket.h>、<sys/epoll.h>）。
借来的数不会交给别的内核：不在 Linux 上，实验只放录制（``Experiment.run``）。
"""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Callable

HERE = sys.platform == "linux"

_NUMBERS = {
    "AF_UNIX": 1, "AF_NETLINK": 16, "AF_PACKET": 17,
    "MSG_DONTWAIT": 0x40, "MSG_EOR": 0x80, "MSG_ERRQUEUE": 0x2000, "MSG_MORE": 0x8000, "MSG_FASTOPEN": 0x20000000,
    "SCM_RIGHTS": 1, "SO_REUSEPORT": 15,
    "EPOLLIN": 1, "EPOLLOUT": 4, "EPOLLEXCLUSIVE": 1 << 28, "EPOLLONESHOT": 1 << 30, "EPOLLET": 1 << 31,
    "TCP_CONGESTION": 13, "TCP_CORK": 3, "TCP_DEFER_ACCEPT": 9, "TCP_KEEPIDLE": 4, "TCP_MAXSEG": 2,
    "TCP_SYNCNT": 7, "TCP_USER_TIMEOUT": 18,
}

__all__ = ["HERE", "after_fork", *_NUMBERS]


def __getattr__(name: str) -> int:
    if name not in _NUMBERS:
        raise AttributeError(f"这里没有 {name}；要用它，加进 _NUMBERS。")
    return getattr(socket, name, getattr(select, name, _NUMBERS[name]))


def after_fork(action: Callable[[], None]) -> None:
    """在 fork 出来的子进程里先做这件事；没有 fork 的系统上不必。"""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=action)
