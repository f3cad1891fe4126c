"""诞生：``with net.client:`` 里面，别人写的程序新建的套接字，都生在这台主机上。

工作原理
--------
Python 的套接字不论由谁新建（``create_connection``、asyncio、requests、ssl……），不论是哪个子类，都经过
``socket.socket.__init__``。网络开着时换上它（``hooks.py``），只此一处，不必认识哪一个库，对象的类也一点不变：

- 没有给描述符，而此刻在一台主机上（``whereabouts.py``），就向主机要一个。
- 给了描述符，就看内核的编号（inode）是谁的：``accept``、``socketpair``、``detach``、``dup``、``fromfd`` 因此都不必另写，
  描述符走到哪里，名字就跟到哪里。

它此后的调用由 ``socket.py`` 记下。``with`` 之外一切如常。
"""

from __future__ import annotations

import _socket
import socket
import sys
from typing import TYPE_CHECKING, Any

from sockscope.live import hooks
from sockscope.live.asleep import socket_inode
from sockscope.live.call_text import kind_text
from sockscope.live.lives import LIVES, TracedSocket, settle
from sockscope.live.states import PLAIN
from sockscope.live.whereabouts import here

if TYPE_CHECKING:
    from sockscope.live.host import Host
    from sockscope.live.journal import Owner

__all__ = ["give_birth", "owner_of"]

INIT = PLAIN.__init__
PAIR: Any = getattr(_socket, "socketpair", None)
WAKERS = ("asyncio", "trio", "sockscope")  # 事件循环叫醒自己用的一对，不是程序的；仪器自己的也不是


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


def _init(self: socket.socket, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
    LIVES.pop(id(self), None)
    host = here()
    if fileno is not None:
        INIT(self, family, type, proto, fileno)
        if (known := owner_of(fileno)) is not None:
            settle(self, known[0], _label_of(fileno, known[1]), known[1].foreign)
    elif host is None:
        INIT(self, family, type, proto)
    else:
        kind = (socket.AF_INET if family == -1 else family, socket.SOCK_STREAM if type == -1 else type, max(proto, 0))
        _be_born(self, host, *kind, foreign=True)


def give_birth(host: Host, family: int, type: int, proto: int) -> TracedSocket:
    """读者用 ``host.socket()`` 新建的。"""
    sock = TracedSocket.__new__(TracedSocket)
    _be_born(sock, host, family, type, proto, foreign=host.network.foreign)
    return sock


def _be_born(sock: socket.socket, host: Host, family: int, type: int, proto: int, *, foreign: bool) -> None:
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
    settle(sock, host, "", foreign)
    if entry is not None:
        host.journal.finish(entry, result=LIVES[id(sock)].label)


def _pair_here(*args: Any, **named: Any) -> tuple[Any, Any]:
    """``_socket.socketpair``：记下两个描述符，``socket.socketpair`` 接着把它们做成套接字。"""
    host, module = here(), sys._getframe(2).f_globals.get("__name__", "")
    both: tuple[Any, Any]
    if host is None or module.split(".")[0] in WAKERS:
        both = PAIR(*args, **named)
        return both
    entry = host.journal.begin(None, host.name, "", "socketpair", kind_text(*args), timeout=True)
    try:
        both = PAIR(*args, **named)
    except OSError as error:
        host.journal.finish(entry, error=error)
        raise
    labels = [host.register(end.fileno(), foreign=True) for end in both]
    for end in both:
        host.furnish(end.fileno(), end.family)
    host.journal.finish(entry, result=", ".join(labels))
    return both


hooks.attribute(PLAIN, "__init__", _init)
if PAIR is not None:  # Windows 没有
    hooks.attribute(_socket, "socketpair", _pair_here)
