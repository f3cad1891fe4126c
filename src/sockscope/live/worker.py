"""后台线程：做完了没有，停在哪里，怎样叫醒。"""

from __future__ import annotations

import _socket
import functools
import platform
import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sockscope.live.asleep import POLLIN, POLLOUT, in_a_wait, poll, socket_inode, wait_of
from sockscope.live.journal import Entry
from sockscope.live.states import RAW

if TYPE_CHECKING:
    from sockscope.live.network import Network

__all__ = ["Worker", "dozes", "is_stuck", "waits_unseen", "wake", "wake_descriptor"]

READS = ("recv", "accept", "read", "SSL_read", "SSL_do_handshake")
WRITES = ("send", "connect", "write", "SSL_write")
REPEATS = 3  # 同样的等待接连落空这么多次，中间什么也不做：它只是在空转
SOCKETCALL = 102 if struct.calcsize("P") == 4 and re.fullmatch(r"i\d86|x86_64", platform.machine()) else 0  # <asm/unistd_32.h>


class Worker(threading.Thread):
    """一个后台线程。异常记在 ``error`` 里，并叫醒大家：免得主线程苦等一个已经不在的对端。"""

    def __init__(self, network: Network, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        name = _name_of(function)
        taken = sum(1 for w in network.threads if w.name.rstrip("0123456789") == name)
        super().__init__(name=f"{name}{taken + 1}" if taken else name, daemon=True)
        self.network, self.function, self.args = network, function, args
        self.error: BaseException | None = None
        self.done = False

    def run(self) -> None:
        try:
            self.function(*self.args)
        except BaseException as error:
            if not self.network.journal.frozen:
                error.add_note(self.network.journal.last())
                self.error = error
                self.network.abort()
        finally:
            self.function, self.args = _over, ()  # 做完了，不再留住参数里的套接字
            with self.network.journal.changed:
                self.done = True
                self.network.journal.changed.notify_all()


def _over() -> None:
    """做完了的线程没有事可做。"""


def _name_of(function: Any) -> str:
    """线程的名字：函数的名字；``partial`` 的是里面那个函数的，别的可调用对象的是它的类的。"""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", None) or type(function).__name__)


def is_stuck(entry: Entry) -> bool:
    """这次调用会不会自己返回：没有超时，内核说描述符还没准备好，而且线程真的睡在里面。

    只看描述符不够：数据刚被取走、线程还没来得及回到 Python 的一瞬，描述符也没有准备好。
    """
    if entry.wait is not None:
        return (entry.wait.endless or entry.repeats >= REPEATS) and dozes(entry)
    fd = entry.descriptor
    return _would_block(entry, fd) and _asleep(entry, fd)


def dozes(entry: Entry) -> bool:
    """线程正睡在这次等待里，看着的都还没有准备好；有没有时限不论。"""
    return entry.wait is not None and not entry.wait.ready() and in_a_wait(entry.thread)


def waits_unseen(worker: Worker) -> bool:
    """线程睡在一次没有记下的等待里，没有时限，看着的有本网络的套接字，而且都没有准备好。"""
    asleep = wait_of(worker.native_id or 0)
    if asleep is None or not asleep.endless or asleep.ready():
        return False
    known = worker.network.journal.sockets
    return any(socket_inode(fd) in known for fd in asleep.descriptors())


def _asleep(entry: Entry, fd: int) -> bool:
    """线程睡在一个以这个描述符为第一个参数的系统调用里（proc_pid_syscall(5)）；内核不说，就当是。"""
    try:
        with open(f"/proc/self/task/{entry.thread}/syscall") as file:
            call = file.read().split()
    except OSError:
        return True
    return len(call) > 2 and _first_argument(call) == fd


def _first_argument(call: list[str]) -> int | None:
    """系统调用的第一个参数。32 位 x86 的 libc 把套接字的调用都装进 socketcall(2)：真的参数在它的第二个参数所指的数组里。"""
    if not (SOCKETCALL and int(call[0]) == SOCKETCALL):
        return int(call[1], 16)
    try:
        with open("/proc/self/mem", "rb", 0) as memory:
            memory.seek(int(call[2], 16))
            return int.from_bytes(memory.read(4), "little")
    except OSError:
        return None


def _would_block(entry: Entry, fd: int) -> bool:
    """这次调用没有超时，而内核说描述符还没准备好。"""
    if entry.timeout or fd < 0:
        return False
    reading = entry.call.name.startswith(READS)
    writing = entry.call.name.startswith(WRITES)
    if not (reading or writing):
        return False
    asked = poll()
    asked.register(fd, POLLIN if reading else POLLOUT)
    return not asked.poll(0)


def wake(sock: socket.socket) -> None:
    """叫醒阻塞在这个套接字上的线程：shutdown(2) 对没有连接的套接字也会叫醒，只是再报一个 ENOTCONN。"""
    with suppress(OSError):
        RAW.shutdown(sock, socket.SHUT_RDWR)


def wake_descriptor(fd: int) -> None:
    """叫醒直接对描述符做的调用（``os.read``）。"""
    with suppress(OSError):
        sock = _socket.socket(fileno=fd)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.detach()
