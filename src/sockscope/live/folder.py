"""我们的临时文件夹：放 Unix 域套接字的文件、编好的程序，用完就删；主人被 kill -9 了，由后来的进程删。

文件夹的主人一直对它加着共享锁（flock(2)），进程怎样死锁都会放开，所以加得上独占锁的就是没有主人的。
套接字的地址至多 107 个字节（unix(7)），TMPDIR 却可以很深；umask 也可以把主人自己挡在门外：``place`` 找一个合适的地方。
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sockscope.live.capability import Unavailable

try:
    import fcntl
except ImportError:  # Windows：没有主人的文件夹认不出来，就不扫
    fcntl = None  # type: ignore[assignment]

__all__ = ["PREFIX", "new_folder", "place", "remove_folder", "temporary"]

PREFIX = "sockscope-"  # 我们的临时文件夹以此开头
NAME = re.compile(rf"{PREFIX}[a-z0-9_]{{8}}")  # mkdtemp() 起的名字
LONGEST = 40  # 它所在的地方至多这么长，字节：留给它和里面的文件名
PLACES = ("/tmp", "/dev/shm", "/var/tmp", "/run/shm")
YOUNG = 60.0  # 刚建的可能还没有来得及加锁，不扫，秒

_locks: dict[str, int] = {}


def place() -> str:
    """放得下套接字文件的地方：先看 TMPDIR，太长、写不进去再看别处；都不行抛 ``Unavailable``。"""
    for folder in (tempfile.gettempdir(), *PLACES):
        if folder.isascii() and len(folder) <= LONGEST and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise Unavailable(f"没有地方放 Unix 域的套接字文件：{'、'.join((tempfile.gettempdir(), *PLACES))} 要么太长，要么写不进去。"
                      f"补救：把环境变量 TMPDIR 设成一个不超过 {LONGEST} 个字节、写得进去的文件夹。")


def new_folder(where: str | None = None) -> str:
    """在 ``where``（缺省是 ``place()``）新建一个，以 ``/`` 结尾；不管此刻的 umask 是什么，主人总进得去。

    用完交给 ``remove_folder``。
    """
    where = place() if where is None else where
    sweep(where)
    made = tempfile.mkdtemp(prefix=PREFIX, dir=where)
    os.chmod(made, 0o700)
    if fcntl is not None:
        _locks[made] = os.open(made, os.O_RDONLY)
        fcntl.flock(_locks[made], fcntl.LOCK_SH)
    return made + "/"


def remove_folder(folder: str) -> None:
    """连同里面的东西一起删掉；已经没有了也不要紧。"""
    made = folder.rstrip("/")
    shutil.rmtree(made, ignore_errors=True)
    if made in _locks:
        os.close(_locks.pop(made))


@contextmanager
def temporary(where: str | None = None) -> Iterator[str]:
    """用一会儿的文件夹，不以 ``/`` 结尾；``where`` 缺省是放临时文件的地方。"""
    made = new_folder(tempfile.gettempdir() if where is None else where)
    try:
        yield made.rstrip("/")
    finally:
        remove_folder(made)


@functools.cache
def sweep(where: str) -> None:
    """扫掉 ``where`` 里没有主人的：一个进程只扫一次。"""
    for left in Path(where).glob(f"{PREFIX}*") if fcntl is not None else ():
        with suppress(OSError):  # 别人先扫走了，或者不许看
            told = left.lstat()
            if NAME.fullmatch(left.name) and told.st_uid == os.geteuid() and time.time() - told.st_mtime > YOUNG:
                _remove_if_free(left)


def _remove_if_free(left: Path) -> None:
    fd = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(left, ignore_errors=True)
    finally:
        os.close(fd)
