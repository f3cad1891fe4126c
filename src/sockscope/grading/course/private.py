"""只有自己打得开：课程文件夹里的文件 0600，文件夹 0700，从出生起就是，不看调用者的 umask。

先宽后紧的文件，有一瞬间别人打得开，打开了就一直读得到；所以权限在创建的那一个系统调用里给（open(2)、mkdir(2)）。
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

__all__ = ["MASK", "create", "folder", "private", "tighten"]

MASK = 0o077


@contextmanager
def private() -> Iterator[None]:
    """别人的代码在里面写的文件也一样：整个进程的 umask 换成 077，出来再换回去。"""
    before = os.umask(MASK)
    try:
        yield
    finally:
        os.umask(before)


def folder(path: Path) -> Path:
    """新建一个文件夹，连同还没有的上层；已有的不动。"""
    if not path.is_dir():
        folder(path.parent)
        with suppress(FileExistsError):
            path.mkdir(0o700)
    return path


def create(path: Path) -> TextIO:
    """新建一个文件来写；已经有了就是 ``FileExistsError``，不写进别人摆好的东西里。"""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return open(fd, "w", encoding="utf-8", newline="")


def tighten(root: Path) -> int:
    """收紧一个旧的文件夹，由上到下；返回原来有几样别人也碰得到。符号链接不跟随。"""
    found = int(_tighten(root))
    for inside, folders, files in os.walk(root):
        found += sum(_tighten(Path(inside, name)) for name in (*folders, *files))
    return found


def _tighten(path: Path) -> bool:
    mode = path.lstat().st_mode
    wide = not stat.S_ISLNK(mode) and bool(mode & MASK)
    if wide:
        path.chmod(stat.S_IMODE(mode) & ~MASK)
    return wide
