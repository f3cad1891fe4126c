"""留下记录的套接字：就是 ``socket.socket``，只是每次调用都写进日志。

读者写的代码与别处一样；唯一的不同是套接字由 ``host.socket()`` 诞生，从而属于那台主机的命名空间。
"""

from __future__ import annotations

import functools
import socket
import warnings
from collections.abc import Callable, Iterable
from os import close, dup
from typing import TYPE_CHECKING, Any

from sockscope.live.call_text import (
    arguments,
    error_text,
    flag_names,
    how,
    item_text,
    nothing,
    option_value,
    plain,
    received,
    send_to,
    sent,
    show,
    with_flags,
)
from sockscope.live.option_text import option_name, structured
from sockscope.live.record import record
from sockscope.live.states import PLAIN, Address

if TYPE_CHECKING:
    from sockscope.live.host import Host

__all__ = ["TracedSocket"]


class TracedSocket(PLAIN):
    """一台主机上的套接字。方法、参数、返回值、异常都与 ``socket.socket`` 相同。

    ``label`` 是它在主机上的编号（``s1``、``s2``……）。
    """

    host: Host
    label: str
    foreign: bool

    def settle_on(self, host: Host, label: str = "", foreign: bool = False) -> None:
        """从此属于这台主机。``foreign``：是别人写的程序的，没有人再用就关闭。"""
        self.host, self.foreign = host, foreign
        self.label = host.register(self.fileno(), label, foreign)
        self._ends: tuple[Address, Address] | None = None
        self._describing = False
        host.adopt(self)

    def ends(self) -> tuple[Address, Address | None]:
        """本地地址与对端地址；还没有对端则为 None。"""
        if self._ends is None:
            try:
                local = _on_wire(PLAIN.getsockname(self))
            except OSError:
                return ("0.0.0.0", 0), None
            try:
                self._ends = local, _on_wire(PLAIN.getpeername(self))
            except OSError:
                return local, None
        return self._ends

    # ------------------------------------------------------------ 与 socket.socket 不同的只有下面几个

    def accept(self) -> tuple[Any, Any]:
        with record(self, "accept", "") as done:
            conn, address = super().accept()
            done(result=f"{getattr(conn, 'label', '')}, {show(address)}")
        return conn, address

    def _accept(self) -> tuple[int, Any]:
        """accept(2)：描述符已经是主机的，接着把它做成套接字的不论是谁（``born.py``），都认得它。"""
        fd, address = super()._accept()  # type: ignore[misc]  # socket.socket 自己的 accept() 也用它；类型桩里没有
        self.host.register(fd, foreign=self.foreign)
        self.host.furnish(fd, self.family)
        return fd, address

    def bind(self, address: Any) -> None:
        with record(self, "bind", show(address)) as done:
            if self.host.powerless:
                self.host.require_namespace().request("powerless", [self.fileno()], call="bind", address=address)
            else:
                super().bind(address)
            done()

    def connect(self, address: Any) -> None:
        self.host.before_connect(self, address)
        with record(self, "connect", show(address)) as done:
            if self.host.powerless:
                self.host.require_namespace().request("powerless", [self.fileno()], call="connect", address=address)
            else:
                super().connect(address)
            done()

    def dup(self) -> TracedSocket:
        with record(self, "dup", "") as done:
            copy = type(self)(self.family, self.type, self.proto, fileno=dup(self.fileno()))
            PLAIN.settimeout(copy, self.gettimeout())
            done(result=copy.label)
        return copy

    def _real_close(self, _ss: type = socket.socket) -> None:
        """真正的 close(2)。描述符在锁里交出、在锁外关闭：带 SO_LINGER 的 close 会阻塞，而网线不能停。"""
        if self.fileno() < 0:
            return
        with record(self, "close", "") as done:
            if (fd := self.host.release(self)) >= 0:  # 两个线程同时关：交出描述符的只有一个
                close(fd)
            done()

    def detach(self) -> int:
        return self.host.release(self)

    def __del__(self) -> None:
        """没有人再用它：像平常的套接字，说一声 ``ResourceWarning``，然后关闭。"""
        if self.fileno() < 0 or not hasattr(self, "label"):
            return
        try:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=1)
        finally:
            self._real_close()

    def getsockname(self) -> Any:
        return self._asked("getsockname")

    def getpeername(self) -> Any:
        return self._asked("getpeername")

    def _asked(self, name: str) -> Any:
        """问名字；只有别人写的程序（``foreign``）问的才进轨迹。"""
        original = getattr(super(), name)
        if not self.foreign or self._describing:
            return original()
        with record(self, name, "") as done:
            value = original()
            done(result=show(value))
        return value

    def __repr__(self) -> str:
        self._describing = True  # 写它的样子也要问名字，那不是程序的调用
        try:
            return super().__repr__()
        finally:
            self._describing = False

    def setsockopt(self, level: int, option: int, value: Any, *length: int) -> None:
        told = structured(level, option, value) or show(value)
        with record(self, "setsockopt", f"{option_name(level, option)}, {told}") as done:
            super().setsockopt(level, option, value, *length)
            done()

    def getsockopt(self, level: int, option: int, *length: int) -> Any:
        with record(self, "getsockopt", option_name(level, option)) as done:
            value = super().getsockopt(level, option, *length)
            done(result=option_value(level, option, value))
        return value

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        place = memoryview(buffer).cast("B")
        with record(self, "recv", arguments(nbytes or len(place), flags=flags)) as done:
            count = super().recv_into(buffer, nbytes, flags)
            data = bytes(place[:min(count, nbytes or count)])
            told = f"{count}, " if flags & socket.MSG_TRUNC else ""  # 返回值与缓冲区里的字节数可以不同
            done(result=told + show(data), data=data)
        return count

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        place = memoryview(buffer).cast("B")
        with record(self, "recvfrom", arguments(nbytes or len(place), flags=flags)) as done:
            count, address = super().recvfrom_into(buffer, nbytes, flags)
            data = bytes(place[:count])
            done(result=f"{show(data)}, {show(address)}", data=data)
        return count, address

    def sendmsg(self, buffers: Iterable[Any], ancillary: Iterable[Any] = (), flags: int = 0,
                address: Any = None) -> int:
        buffers, ancillary = list(buffers), list(ancillary)
        told = [show(buffers)] + ([self._ancillary(ancillary)] if ancillary else [])
        args = ", ".join(told + ([show(address)] if address else []) + ([flag_names(flags)] if flags else []))
        with record(self, "sendmsg", args) as done:
            count = super().sendmsg(buffers, ancillary, flags, address)
            done(**sent(count, (buffers,)))
        return count

    def recvmsg(self, size: int, ancillary: int = 0, flags: int = 0) -> tuple[bytes, list[Any], int, Any]:
        with record(self, "recvmsg", arguments(size, *([ancillary] if ancillary else []), flags=flags)) as done:
            data, items, told, address = super().recvmsg(size, ancillary, flags)
            words = f"{show(data)}, {self._ancillary(items)}, {flag_names(told) or 0}, {show(address)}"
            done(result=words, data=data)
        return data, items, told, address

    def recvmsg_into(self, buffers: Iterable[Any], ancillary: int = 0, flags: int = 0) -> tuple[int, list[Any], int, Any]:
        places = [memoryview(b).cast("B") for b in buffers]
        args = arguments([len(p) for p in places], *([ancillary] if ancillary else []), flags=flags)
        with record(self, "recvmsg", args) as done:
            count, items, told, address = super().recvmsg_into(places, ancillary, flags)
            left = [bytes(p)[:max(0, count - sum(map(len, places[:i])))] for i, p in enumerate(places)]
            words = f"{show(left)}, {self._ancillary(items)}, {flag_names(told) or 0}, {show(address)}"
            done(result=words, data=b"".join(left))
        return count, items, told, address

    def _ancillary(self, items: list[Any]) -> str:
        """辅助数据的文字；传的是本机的套接字就写编号，别的主机的还要写主机名；别的控制消息说出名字。"""
        names = {number: owner.label if owner.host == self.host.name else f"{owner.title}的 {owner.label}"
                 for number, owner in self.host.journal.sockets.items()}
        return "[" + ", ".join(item_text(item, names) for item in items) + "]"


def _on_wire(address: tuple[Any, ...]) -> Address:
    """网线上的地址：AF_INET6 套接字接住的 IPv4 连接写作 ``::ffff:10.0.0.1``，包里却是 ``10.0.0.1``。"""
    return address[0].removeprefix("::ffff:"), address[1]


# ---------------------------------------------------------------- 其余的调用形状相同：记下参数，原样转交

def _recorded(name: str, describe: Callable[..., str], outcome: Callable[..., dict[str, Any]]) -> Any:
    original = getattr(PLAIN, name)

    @functools.wraps(original)
    def method(self: TracedSocket, *args: Any, **options: Any) -> Any:
        if name.startswith("connect"):
            self.host.before_connect(self, *args)
        with record(self, name, _described(describe, args, options)) as done:
            value = original(self, *args, **options)
            done(**outcome(value, args))
        return value

    return method


def _described(describe: Callable[..., str], args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """参数的文字；不成样子的原样写出，由 ``socket.socket`` 去说它错在哪里。"""
    try:
        return describe(*args, **options)
    except (TypeError, ValueError, IndexError):
        return arguments(*args)


for _name, _describe, _outcome in (
    ("listen", plain, nothing),
    ("shutdown", how, nothing), ("setblocking", plain, nothing), ("settimeout", plain, nothing),
    ("connect_ex", plain, lambda value, _: {"result": error_text(value)}),
    ("send", with_flags(1), sent), ("sendall", with_flags(1), sent), ("sendto", send_to, sent),
    ("recv", with_flags(1), received), ("recvfrom", with_flags(1), received),
):
    setattr(TracedSocket, _name, _recorded(_name, _describe, _outcome))
