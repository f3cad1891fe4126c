"""SCM_RIGHTS 与 SO_PEERCRED 写成人话：传的描述符指着哪个套接字，对端是谁。

描述符在每个进程里是另一个号码，同一个套接字的 inode 却不变：收发两边因此认得出是同一个。
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Mapping
from typing import Any

__all__ = ["credentials_text", "inode", "is_credentials", "is_rights", "rights_text"]

CREDENTIALS = struct.Struct("3i")  # struct ucred（unix(7)）
KINDS = {stat.S_IFSOCK: "套接字", stat.S_IFIFO: "管道", stat.S_IFREG: "文件", stat.S_IFDIR: "文件夹"}


def inode(fd: int) -> int:
    """这个描述符指着的东西在内核里的编号；dup、传递都不改变它。"""
    return os.fstat(fd).st_ino


def is_rights(level: int, kind: int) -> bool:
    return (level, kind) == (socket.SOL_SOCKET, getattr(socket, "SCM_RIGHTS", 1))


def rights_text(body: Any, sockets: Mapping[int, str]) -> str:
    """``SCM_RIGHTS s2`` 这样的文字；``sockets`` 是 inode → 套接字的名字，不在其中的说它是什么。"""
    whole = bytes(body)
    fds = struct.unpack(f"{len(whole) // 4}i", whole[:len(whole) // 4 * 4])  # 缓冲区小，最后一个可能只来了一半
    return " ".join(["SCM_RIGHTS", *(_pointed(fd, sockets) for fd in fds)])


def _pointed(fd: int, sockets: Mapping[int, str]) -> str:
    try:
        found = os.fstat(fd)
    except OSError:  # 不是一个描述符：内核会用 EBADF 拒绝这次调用
        return "坏的描述符"
    return sockets.get(found.st_ino) or KINDS.get(stat.S_IFMT(found.st_mode), "描述符")


def is_credentials(level: int, option: int, value: Any) -> bool:
    return (level, option) == (socket.SOL_SOCKET, getattr(socket, "SO_PEERCRED", -1)) and isinstance(value, bytes) \
        and len(value) == CREDENTIALS.size


def credentials_text(body: bytes) -> str:
    """``struct ucred`` 的三个字段。"""
    pid, uid, gid = CREDENTIALS.unpack(body)
    return f"{{pid={pid}, uid={uid}, gid={gid}}}"
