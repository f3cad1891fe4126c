"""诞生：``with net.client:`` 里面，别人写的程序新建的套接字，都生在这台主机上。

工作原理
--------
Python 的套接字不论由谁新建（``create_connection``、asyncio、requests、ssl……），不论是哪个子类，最后都经过
``socket.socket`` 的 ``__new__`` 和 ``__init__``。网络开着时换上这两个（``hooks.py``），只此一处，不必认识哪一个库：

- ``__new__`` 选类。在主机上，或者描述符本来就是主机的，就在那个类与 ``socket.socket`` 之间插进 ``TracedSocket``：
  子类自己的方法照旧在最前面，它再向 ``socket.socket`` 要的，都记下来。
- ``__init__`` 生套接字。没有给描述符的，向主机要一个；给了的，看内核的编号（inode）是谁的：``accept``、``socketpair``、
  ``detach``、``dup``、``fromfd`` 因此都不必另写，描述符走到哪里，名字就跟到哪里。

此刻在哪台主机上，是一个 ``ContextVar``：一层套一层，每个线程、每个 asyncio 任务各管各的；在里面启动的线程、交给线程池的活，
都跟着走。``with`` 之外一切如常：什么也没有换过一样。
"""

from __future__ import annotations

import _socket
import contextvars
import functools
import socket
import sys
import threading
import types
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sockscope.live import hooks
from sockscope.live.asleep import socket_inode
from sockscope.live.call_text import kind_text
from sockscope.live.journal import Owner
from sockscope.live.socket import TracedSocket
from sockscope.live.states import PLAIN
from sockscope.live.tls import spoken_by

if TYPE_CHECKING:
    from sockscope.live.host import Host

__all__ = ["enter", "give_birth", "here", "leave", "on", "owner_of"]

NEW, INIT = PLAIN.__new__, PLAIN.__init__
WAKERS = ("asyncio", "trio")  # 事件循环叫醒自己用的一对套接字，不是程序的

_stack: contextvars.ContextVar[tuple[Host, ...]] = contextvars.ContextVar("sockscope_hosts", default=())


# ---------------------------------------------------------------- 此刻在哪台主机上

def here() -> Host | None:
    """此刻在哪台主机上；不在哪一台上则为 None。"""
    stack = _stack.get()
    return stack[-1] if stack else None


def enter(host: Host) -> None:
    """到这台主机上去。"""
    _stack.set((*_stack.get(), host))


def leave(host: Host) -> None:
    """离开这台主机，回到进来之前的那一台。"""
    stack = list(_stack.get())
    if host in stack:
        del stack[len(stack) - 1 - stack[::-1].index(host)]
    _stack.set(tuple(stack))


def on(host: Host | None, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """在这台主机上（None 则不在哪一台上）运行。"""
    token = _stack.set((host,) if host is not None else ())
    try:
        return function(*args, **named)
    finally:
        _stack.reset(token)


_start, _submit = threading.Thread.start, ThreadPoolExecutor.submit


def _start_here(thread: threading.Thread) -> None:
    """``Thread.start``：在哪台主机上启动的，就在哪台主机上运行。"""
    if (host := here()) is not None and not thread._started.is_set():  # type: ignore[attr-defined]
        run = thread.run

        def run_there() -> None:
            vars(thread).pop("run", None)
            on(host, run)

        thread.run = run_there  # type: ignore[method-assign]
    try:
        _start(thread)
    except RuntimeError:  # 启动过了，或者线程太多
        vars(thread).pop("run", None)
        raise


def _submit_here(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
    """``ThreadPoolExecutor.submit``：线程是共用的，活是谁交的，就在谁的主机上做。"""
    return _submit(pool, functools.partial(on, here(), function), *args, **named)


# ---------------------------------------------------------------- 它是谁的

def owner_of(fd: Any) -> tuple[Host, Owner] | None:
    """这个描述符是哪台主机的哪个套接字；不是主机的则为 None。"""
    number = socket_inode(fd) if isinstance(fd, int) else None
    for network in hooks.opened() if number is not None else ():
        if number in network.journal.sockets:
            owner = network.journal.sockets[number]
            return network.hosts[owner.host], owner
    return None


def _label_of(fd: int, owner: Owner) -> str:
    """同一个描述符换了主人（``detach`` 之后），编号不变；另一个描述符指着同一个套接字，编号加撇。"""
    return owner.label if fd == owner.fd else owner.label.rstrip("′") + "′"


@functools.cache
def _kind(cls: type[socket.socket]) -> type[TracedSocket]:
    """这个类，留下记录的那一种：名字一样，是它的子类。"""
    if issubclass(cls, TracedSocket):
        return cls
    if cls is PLAIN:
        return TracedSocket
    body = {"__module__": cls.__module__, "__qualname__": cls.__qualname__} | spoken_by(cls)
    return types.new_class(cls.__name__, (cls, TracedSocket), {}, lambda space: space.update(body))


# ---------------------------------------------------------------- 换上的两个

def _new(cls: type[socket.socket], *args: Any, **named: Any) -> socket.socket:
    fileno = named.get("fileno", args[3] if len(args) > 3 else None)
    if here() is not None if fileno is None else owner_of(fileno) is not None:
        cls = _kind(cls)
    return NEW(cls)


def _init(sock: socket.socket, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
    host = here()
    if fileno is not None:
        known = owner_of(fileno) if isinstance(sock, TracedSocket) else None
        INIT(sock, family, type, proto, fileno)
        if known is not None:
            sock.settle_on(known[0], _label_of(fileno, known[1]), known[1].foreign)  # type: ignore[attr-defined]
        elif isinstance(sock, TracedSocket):
            sock.settle_on(_must_be(host), "", True)
        return
    kind = (socket.AF_INET if family == -1 else family, socket.SOCK_STREAM if type == -1 else type, max(proto, 0))
    if isinstance(sock, TracedSocket):
        _be_born(sock, _must_be(host), *kind, foreign=True)
    elif host is not None:
        INIT(sock, *kind, host.new_fd(*kind))
    else:
        INIT(sock, family, type, proto)


def _must_be(host: Host | None) -> Host:
    if host is None:
        raise TypeError("这种套接字只生在主机上：请在 with net.client: 里新建它。")
    return host


def give_birth(host: Host, family: int, type: int, proto: int) -> TracedSocket:
    """读者用 ``host.socket()`` 新建的。"""
    sock: TracedSocket = NEW(TracedSocket)
    _be_born(sock, host, family, type, proto, foreign=host.network.foreign)
    return sock


def _be_born(sock: TracedSocket, host: Host, family: int, type: int, proto: int, *, foreign: bool) -> None:
    """新建套接字；``socket()`` 本身也可以记成一次调用：成功记它的编号，被拒绝记 errno。"""
    entry = None
    if foreign or host.network.births:
        entry = host.journal.begin(None, host.name, "", "socket", kind_text(family, type, proto), timeout=True)
    try:
        INIT(sock, family, type, proto, host.new_fd(family, type, proto))
    except OSError as error:
        if entry is not None:
            host.journal.finish(entry, error=error)
        raise
    sock.settle_on(host, "", foreign)
    if entry is not None:
        host.journal.finish(entry, result=sock.label)


_pair = _socket.socketpair


def _pair_here(*args: Any, **named: Any) -> tuple[Any, Any]:
    """``_socket.socketpair``：记下两个描述符，``socket.socketpair`` 接着把它们做成套接字。"""
    host, module = here(), sys._getframe(2).f_globals.get("__name__", "")
    if host is None or module.split(".")[0] in WAKERS:
        return _pair(*args, **named)
    entry = host.journal.begin(None, host.name, "", "socketpair", kind_text(*args), timeout=True)
    try:
        both = _pair(*args, **named)
    except OSError as error:
        host.journal.finish(entry, error=error)
        raise
    labels = [host.register(end.fileno(), foreign=True) for end in both]
    for end in both:
        host.furnish(end.fileno(), end.family)
    host.journal.finish(entry, result=", ".join(labels))
    return both


hooks.attribute(PLAIN, "__new__", staticmethod(_new))
hooks.attribute(PLAIN, "__init__", _init)
hooks.attribute(_socket, "socketpair", _pair_here)
hooks.attribute(threading.Thread, "start", _start_here)
hooks.attribute(ThreadPoolExecutor, "submit", _submit_here)
