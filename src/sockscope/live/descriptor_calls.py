"""对描述符直接做的调用：``os.read``、``os.write``、``os.readv``、``os.writev``、``os.sendfile``、``os.dup``、``os.close``。

它们不经过套接字的方法，套接字 ``detach()`` 之后更是只剩一个号码；是不是主机的，看内核的编号（``born.owner_of``）。
别人写的程序这样做的都记；书里的套接字只记 ``sendfile``（书里有一格说的正是 ``os.write()`` 绕过了仪器）。
``close`` 只有放开了的描述符才是程序自己的事，套接字的 ``close()`` 由它的方法去记。
"""

from __future__ import annotations

import _socket
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sockscope.live import hooks
from sockscope.live.born import owner_of
from sockscope.live.call_text import arguments, received, sent, show

if TYPE_CHECKING:
    from sockscope.live.host import Host
    from sockscope.live.journal import Owner

__all__: list[str] = []

KEPT = 256  # 轨迹里一次调用至多留下这么多字节


class Called:
    """换上的一个。做成对象：有的类把它取去当属性，函数在那里会变成方法。"""

    def __init__(self, real: Any, describe: Callable[..., str], outcome: Callable[..., dict[str, Any]]) -> None:
        self.real = real
        self.__name__, self.__doc__ = real.__name__, real.__doc__
        self.describe, self.outcome = describe, outcome

    def __call__(self, *args: Any, **named: Any) -> Any:
        fd: Any = args[0] if args else next(iter(named.values()), None)
        found = owner_of(fd)
        if found is None or not self.recorded(fd, *found) or sys._getframe(1).f_globals.get("__package__") == "sockscope.live":
            return self.real(*args, **named)
        host, owner = found
        entry = host.journal.begin(None, host.name, owner.label, self.__name__, self.described(args, named), fd=fd)
        try:
            value = self.real(*args, **named)
            host.journal.finish(entry, **self.outcome(value, args[1:]))
        except BaseException as error:
            host.journal.finish(entry, error=error)
            raise
        finally:
            host.watch.sample()
        return value

    def recorded(self, fd: int, host: Host, owner: Owner) -> bool:
        """这一次记不记。"""
        if self.__name__ == "close":
            return owner.foreign and host.is_loose(fd)
        return owner.foreign or self.__name__ == "sendfile"

    def described(self, args: tuple[Any, ...], named: dict[str, Any]) -> str:
        """描述符以外的参数；不成样子的原样写出，由原来的函数去说它错在哪里。"""
        try:
            return self.describe(*args[1:], **named)
        except (TypeError, ValueError, OSError):
            return arguments(*args[1:])

    def __repr__(self) -> str:
        return repr(self.real)


def _sizes(buffers: Any) -> str:
    return show([len(memoryview(b).cast("B")) for b in buffers])


def _scattered(count: int, args: tuple[Any, ...]) -> dict[str, Any]:
    data = b"".join(bytes(memoryview(b).cast("B")) for b in args[0])[:count]
    return {"result": f"{count}, {show(data)}", "data": data}


def _file_text(in_fd: int, offset: int | None, count: int, **_: Any) -> str:
    """``sendfile`` 的参数：文件写它的名字，不写号码，也不写它在哪里。"""
    return arguments(os.path.basename(os.readlink(f"/proc/self/fd/{in_fd}")), offset, count)


def _file_data(count: int, args: tuple[Any, ...]) -> dict[str, Any]:
    in_fd, offset = args[:2]
    place = os.lseek(in_fd, 0, os.SEEK_CUR) - count if offset is None else offset
    return {"result": str(count), "data": os.pread(in_fd, min(count, KEPT), place), "size": count}


def _copied(fd: int, _args: tuple[Any, ...]) -> dict[str, Any]:
    found = owner_of(fd)
    return {"result": found[1].label.rstrip("′") + "′" if found else str(fd)}


for _name, _describe, _outcome in (
    ("read", lambda size: str(size), received), ("write", lambda data: show(data), sent),
    ("readv", _sizes, _scattered), ("writev", lambda buffers: show(list(buffers)), sent),
    ("sendfile", _file_text, _file_data), ("close", lambda: "", lambda *_: {}),
    ("dup", lambda: "", _copied),
):
    if hasattr(os, _name):
        hooks.everywhere(getattr(os, _name), Called(getattr(os, _name), _describe, _outcome))
hooks.everywhere(_socket.dup, Called(_socket.dup, lambda: "", _copied))  # socket.fromfd 用的
