"""放 Unix 域套接字文件的临时文件夹：路径短，只有自己进得去。

地址里的路径至多 107 个字节（unix(7)），TMPDIR 却可以很深；umask 也可以把主人自己挡在门外。
"""

from __future__ import annotations

import os
import tempfile

from sockscope.live.capability import Unavailable

__all__ = ["PREFIX", "new_folder", "place"]

PREFIX = "sockscope-"  # 我们的临时文件夹以此开头
LONGEST = 40  # 它所在的地方至多这么长，字节：留给它和里面的文件名
PLACES = ("/tmp", "/dev/shm", "/var/tmp", "/run/shm")


def place() -> str:
    """放得下套接字文件的地方：先看 TMPDIR，太长、写不进去再看别处；都不行抛 ``Unavailable``。"""
    for folder in (tempfile.gettempdir(), *PLACES):
        if folder.isascii() and len(folder) <= LONGEST and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise Unavailable(f"没有地方放 Unix 域的套接字文件：{'、'.join((tempfile.gettempdir(), *PLACES))} 要么太长，要么写不进去。"
                      f"补救：把环境变量 TMPDIR 设成一个不超过 {LONGEST} 个字节、写得进去的文件夹。")


def new_folder() -> str:
    """新建一个，以 ``/`` 结尾；不管此刻的 umask 是什么，主人总进得去。"""
    made = tempfile.mkdtemp(prefix=PREFIX, dir=place())
    os.chmod(made, 0o700)
    return made + "/"
