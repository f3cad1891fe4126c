"""把数据报套接字的 connect() 解除：Python 的 connect() 说不出 AF_UNSPEC，直接请 C 库来做。"""

from __future__ import annotations

import ctypes
import os
from typing import Any

__all__ = ["dissolve"]


def dissolve(sock: Any) -> None:
    """``connect()`` 到地址族 AF_UNSPEC（connect(2)）：16 个零字节就是它。失败抛 ``OSError``。"""
    libc = ctypes.CDLL(None, use_errno=True)
    journal = sock.host.journal
    entry = journal.begin(sock, sock.host.name, sock.label, "connect", "AF_UNSPEC")
    if libc.connect(sock.fileno(), bytes(16), 16) != 0:
        error = OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        journal.finish(entry, error=error)
        raise error
    journal.finish(entry)
