"""记下套接字的每次调用：网络开着时，``socket.socket`` 的方法换成这里的（``hooks.py``）。

换在类上，所以子类（``ssl.SSLSocket``……）自己的方法照旧在最前面，它再向 ``socket.socket`` 要的，都记下来；对象的类不变。
不是主机的套接字（``lives.py`` 里没有它的身世），直接交给原来的方法。
"""

from __future__ import annotations

import functools
import os
import socket
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from sockscope.live import hooks
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
from sockscope.live.lives import LIVES, Life, TracedSocket
from sockscope.live.names import numeric
from sockscope.live.option_text import option_name, structured
from sockscope.live.record import record
from sockscope.live.states import PLAIN, RAW

__all__ = ["TracedSocket"]

ADDRESSED = ("connect_ex", "sendto")  # 最后一个参数是地址
CLOSE, DUP = os.close, os.dup  # 网络开着时 os.close 会换成记录在案的


def recorded(function: Callable[..., Any]) -> Callable[..., Any]:
    """登记：``socket.socket`` 的同名方法，是主机的套接字就由 ``function(sock, life, ...)`` 来做；没有这个方法的系统不必。"""
    real = getattr(PLAIN, function.__name__, None)
    if real is None:
        return function

    @functools.wraps(real)
    def method(self: socket.socket, *args: Any, **options: Any) -> Any:
        life = LIVES.get(id(self))
        if life is None or life._host() is None:
            return real(self, *args, **options)
        return function(self, life, *args, **options)

    hooks.attribute(PLAIN, function.__name__, method)
    return function


REAL_ACCEPT, REAL_REPR, REAL_DETACH = PLAIN.accept, PLAIN.__repr__, PLAIN.detach


@recorded
def accept(sock: socket.socket, life: Life) -> tuple[Any, Any]:
    with record(sock, life, "accept", "") as done:
        if isinstance(sock, TracedSocket):
            fd, address = sock._accept()  # type: ignore[attr-defined]  # 类型桩里没有
            conn: socket.socket = TracedSocket(sock.family, sock.type, sock.proto, fileno=fd)
            if socket.getdefaulttimeout() is None and sock.gettimeout():
                conn.setblocking(True)
        else:
            conn, address = REAL_ACCEPT(sock)
        done(result=f"{LIVES[id(conn)].label}, {show(address)}")
    return conn, address


@recorded
def _accept(sock: socket.socket, life: Life) -> tuple[int, Any]:
    """accept(2)：描述符已经是主机的，接着把它做成套接字的不论是谁，``born.py`` 都认得它。"""
    fd, address = RAW._accept(sock)  # type: ignore[attr-defined]
    life.host.register(fd, foreign=life.foreign)
    life.host.furnish(fd, sock.family)
    return fd, address


@recorded
def bind(sock: socket.socket, life: Life, address: Any) -> None:
    with record(sock, life, "bind", show(address)) as done:
        _reach(sock, life, "bind", address)
        done()


@recorded
def connect(sock: socket.socket, life: Life, address: Any) -> None:
    life.host.before_connect(sock, address)
    with record(sock, life, "connect", show(address)) as done:
        _reach(sock, life, "connect", address)
        done()


def _reach(sock: socket.socket, life: Life, call: str, address: Any) -> None:
    address = numeric(life.host, sock.family, address)
    if life.host.powerless:
        life.host.require_namespace().request("powerless", [sock.fileno()], call=call, address=address)
    else:
        getattr(RAW, call)(sock, address)


@recorded
def dup(sock: socket.socket, life: Life) -> socket.socket:
    with record(sock, life, "dup", "") as done:
        copy = type(sock)(sock.family, sock.type, sock.proto, fileno=DUP(sock.fileno()))
        RAW.settimeout(copy, sock.gettimeout())
        done(result=LIVES[id(copy)].label)
    return copy


@recorded
def _real_close(sock: socket.socket, life: Life, _ss: type = RAW) -> None:
    """真正的 close(2)。描述符在锁里交出、在锁外关闭：带 SO_LINGER 的 close 会阻塞，而网线不能停。"""
    if sock.fileno() < 0:
        return
    with record(sock, life, "close", "") as done:
        if (fd := life.host.release(sock)) >= 0:  # 两个线程同时关：交出描述符的只有一个
            CLOSE(fd)
        done()


@recorded
def detach(sock: socket.socket, life: Life) -> int:
    fd = life.host.release(sock)
    REAL_DETACH(sock)
    return fd


def _finalize(self: socket.socket) -> None:
    """``__del__``：没有人再用它，像平常的套接字，说一声 ``ResourceWarning``，然后关闭；读者的由网络去说。"""
    life = LIVES.get(id(self))
    if life is None or (life.over and life.foreign):
        REAL_DEL(self)
    else:
        try:
            if self.fileno() >= 0 and life.foreign:
                warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=1)
        finally:
            RAW.close(self) if life.over else _real_close(self, life)
    LIVES.pop(id(self), None)


REAL_DEL = PLAIN.__del__  # type: ignore[attr-defined]  # 类型桩里没有
hooks.attribute(PLAIN, "__del__", _finalize)


@recorded
def getsockname(sock: socket.socket, life: Life) -> Any:
    return _asked(sock, life, "getsockname")


@recorded
def getpeername(sock: socket.socket, life: Life) -> Any:
    return _asked(sock, life, "getpeername")


def _asked(sock: socket.socket, life: Life, name: str) -> Any:
    """问名字；只有别人写的程序（``foreign``）问的才进轨迹。"""
    if not life.foreign or life.describing:
        return getattr(RAW, name)(sock)
    with record(sock, life, name, "") as done:
        value = getattr(RAW, name)(sock)
        done(result=show(value))
    return value


@recorded
def __repr__(sock: socket.socket, life: Life) -> str:
    life.describing = True  # 写它的样子也要问名字，那不是程序的调用
    try:
        return REAL_REPR(sock)
    finally:
        life.describing = False


@recorded
def setsockopt(sock: socket.socket, life: Life, level: int, option: int, value: Any, *length: int) -> None:
    told = structured(level, option, value) or show(value)
    with record(sock, life, "setsockopt", f"{option_name(level, option)}, {told}") as done:
        RAW.setsockopt(sock, level, option, value, *length)
        done()


@recorded
def getsockopt(sock: socket.socket, life: Life, level: int, option: int, *length: int) -> Any:
    with record(sock, life, "getsockopt", option_name(level, option)) as done:
        value = RAW.getsockopt(sock, level, option, *length)
        done(result=option_value(level, option, value))
    return value


@recorded
def recv_into(sock: socket.socket, life: Life, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
    place = memoryview(buffer).cast("B")
    with record(sock, life, "recv", arguments(nbytes or len(place), flags=flags)) as done:
        count = RAW.recv_into(sock, buffer, nbytes, flags)
        data = bytes(place[:min(count, nbytes or count)])
        told = f"{count}, " if flags & socket.MSG_TRUNC else ""  # 返回值与缓冲区里的字节数可以不同
        done(result=told + show(data), data=data)
    return count


@recorded
def recvfrom_into(sock: socket.socket, life: Life, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
    place = memoryview(buffer).cast("B")
    with record(sock, life, "recvfrom", arguments(nbytes or len(place), flags=flags)) as done:
        count, address = RAW.recvfrom_into(sock, buffer, nbytes, flags)
        data = bytes(place[:count])
        done(result=f"{show(data)}, {show(address)}", data=data)
    return count, address


@recorded
def sendmsg(sock: socket.socket, life: Life, buffers: Iterable[Any], ancillary: Iterable[Any] = (), flags: int = 0,
            address: Any = None) -> int:
    buffers, ancillary = list(buffers), list(ancillary)
    told = [show(buffers)] + ([_ancillary(life, ancillary)] if ancillary else [])
    args = ", ".join(told + ([show(address)] if address else []) + ([flag_names(flags)] if flags else []))
    with record(sock, life, "sendmsg", args) as done:
        count = RAW.sendmsg(sock, buffers, ancillary, flags, numeric(life.host, sock.family, address))
        done(**sent(count, (buffers,)))
    return count


@recorded
def recvmsg(sock: socket.socket, life: Life, size: int, ancillary: int = 0, flags: int = 0) -> tuple[bytes, list[Any], int, Any]:
    with record(sock, life, "recvmsg", arguments(size, *([ancillary] if ancillary else []), flags=flags)) as done:
        data, items, told, address = RAW.recvmsg(sock, size, ancillary, flags)
        words = f"{show(data)}, {_ancillary(life, items)}, {flag_names(told) or 0}, {show(address)}"
        done(result=words, data=data)
    return data, items, told, address


@recorded
def recvmsg_into(sock: socket.socket, life: Life, buffers: Iterable[Any], ancillary: int = 0,
                 flags: int = 0) -> tuple[int, list[Any], int, Any]:
    places = [memoryview(b).cast("B") for b in buffers]
    args = arguments([len(p) for p in places], *([ancillary] if ancillary else []), flags=flags)
    with record(sock, life, "recvmsg", args) as done:
        count, items, told, address = RAW.recvmsg_into(sock, places, ancillary, flags)
        left = [bytes(p)[:max(0, count - sum(map(len, places[:i])))] for i, p in enumerate(places)]
        words = f"{show(left)}, {_ancillary(life, items)}, {flag_names(told) or 0}, {show(address)}"
        done(result=words, data=b"".join(left))
    return count, items, told, address


def _ancillary(life: Life, items: list[Any]) -> str:
    """辅助数据的文字；传的是本机的套接字就写编号，别的主机的还要写主机名；别的控制消息说出名字。"""
    names = {number: owner.label if owner.host == life.host.name else f"{owner.title}的 {owner.label}"
             for number, owner in life.host.journal.sockets.items()}
    return "[" + ", ".join(item_text(item, names) for item in items) + "]"


# ---------------------------------------------------------------- 其余的调用形状相同：记下参数，原样转交

def _same_shape(name: str, describe: Callable[..., str], outcome: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    real = getattr(RAW, name)

    def function(sock: socket.socket, life: Life, *args: Any, **options: Any) -> Any:
        if name == "connect_ex":
            life.host.before_connect(sock, *args)
        with record(sock, life, name, _described(describe, args, options)) as done:
            if name in ADDRESSED and args:
                args = *args[:-1], numeric(life.host, sock.family, args[-1])
            value = real(sock, *args, **options)
            done(**outcome(value, args))
        return value

    function.__name__ = name
    return function


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
    recorded(_same_shape(_name, _describe, _outcome))
