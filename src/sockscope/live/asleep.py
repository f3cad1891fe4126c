"""线程睡在哪一次等待里：select、poll、epoll 等着的描述符，和它等不等得完。问的是内核（proc_pid_syscall(5)），不问程序。

所以谁写的、怎样写的都一样：``from select import select`` 早就取走了函数的，C 写的事件循环，都看得出来。
系统调用的编号取自 <asm/unistd.h>：x86 的两套，和别的机器共用的一套。
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import re
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass

try:
    from select import POLLIN, POLLOUT, POLLPRI, poll
except ImportError:  # 不是 Linux：没有 poll 的系统上，也没有这里要问的 /proc
    POLLIN, POLLPRI, POLLOUT, poll = 1, 2, 4, None  # type: ignore[assignment,misc]

__all__ = ["POLLIN", "POLLOUT", "Sleep", "at_rest", "in_a_wait", "poll", "socket_inode", "wait_of"]

POINTER = struct.calcsize("P")
PC = bool(re.fullmatch(r"i\d86|x86_64", platform.machine()))
COMMON = {72: "select", 73: "ppoll", 22: "epoll", 441: "epoll2"}
NUMBERS = {
    (True, 8): {7: "poll", 23: "select", 232: "epoll", 270: "select", 271: "ppoll", 281: "epoll", 441: "epoll2"},
    (True, 4): {142: "select", 168: "poll", 256: "epoll", 308: "select", 309: "ppoll", 319: "epoll",
                413: "select", 414: "ppoll", 441: "epoll2"},
}.get((PC, POINTER), COMMON)
FUTEX = {(True, 8): (202,), (True, 4): (240, 422)}.get((PC, POINTER), (98,))
ENDLESS = 0xFFFFFFFF  # -1：没有时限
POLLFD = struct.Struct("ihh")


@dataclass(frozen=True)
class Sleep:
    """一次等待：看着的 (描述符, 事件)，有没有时限。等 epoll 的，看着的就是它自己：它也是可以 poll 的。"""

    watched: list[tuple[int, int]]
    endless: bool

    def ready(self) -> bool:
        """此刻有没有哪个已经准备好：有，就快醒了。"""
        asked = poll()
        for fd, mask in self.watched:
            asked.register(fd, mask)
        return bool(asked.poll(0))

    def descriptors(self) -> list[int]:
        """看着的全部描述符；epoll 里登记的也算。"""
        return [fd for watched, _ in self.watched for fd in (watched, *_registered(watched))]


def in_a_wait(thread: int) -> bool:
    """线程正睡在一次等待里；内核不说，就当是。"""
    call = _call(thread)
    return call is None or (len(call) > 6 and int(call[0]) in NUMBERS)


def wait_of(thread: int) -> Sleep | None:
    """线程正睡在哪一次等待里；不在等待，或者看不清，则为 None。"""
    call = _call(thread)
    if not call or len(call) <= 6 or int(call[0]) not in NUMBERS:
        return None
    first, second, third, fourth, fifth = (int(word, 16) for word in call[1:6])
    try:
        match NUMBERS[int(call[0])]:
            case "poll":
                return Sleep(_polled(first, second), third & ENDLESS == ENDLESS)
            case "ppoll":
                return Sleep(_polled(first, second), not third)
            case "select":
                return Sleep(_selected(first, second, third, fourth), not fifth)
            case kind:
                return Sleep([(first, POLLIN)], fourth & ENDLESS == ENDLESS if kind == "epoll" else not fourth)
    except OSError:  # 刚看时它还睡着，这就醒了
        return None


def at_rest(thread: int) -> bool:
    """线程正睡着，等的不是 Python 的解释器锁，看着的也都没有准备好：没有人来叫，它不会动。内核不说，就当是。"""
    call = _call(thread)
    if call is None or len(call) <= 6:
        return call is None or call[0] != "running"
    if int(call[0]) in FUTEX:
        return int(call[1], 16) not in _interpreter()
    sleep = wait_of(thread)
    return sleep is None or not sleep.ready()


@functools.cache
def _interpreter() -> range:
    """解释器自己的数据（``_PyRuntime``）在内存的哪一段：解释器锁在里面，程序的锁不在。"""
    try:
        place = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
        with open("/proc/self/maps") as maps:
            for line in maps:
                start, stop = (int(end, 16) for end in line.split()[0].split("-"))
                if start <= place < stop:
                    return range(start, stop)
    except (OSError, ValueError):
        pass
    return range(0)


def _call(thread: int) -> list[str] | None:
    try:
        with open(f"/proc/self/task/{thread}/syscall") as file:
            return file.read().split()
    except OSError:
        return None


def _polled(place: int, count: int) -> list[tuple[int, int]]:
    body = _memory(place, count * POLLFD.size)
    return [(fd, mask) for fd, mask, _ in POLLFD.iter_unpack(body) if fd >= 0]


def _selected(count: int, *sets: int) -> list[tuple[int, int]]:
    """三个 fd_set（select(2)）：一个描述符一位，按机器字存放。"""
    masks: dict[int, int] = {}
    size = -(-count // (8 * POINTER)) * POINTER
    for place, mask in zip(sets, (POLLIN, POLLOUT, POLLPRI), strict=True):
        bits = int.from_bytes(_memory(place, size) if place else b"", "little")
        for fd in range(count):
            if bits >> fd & 1:
                masks[fd] = masks.get(fd, 0) | mask
    return list(masks.items())


def _memory(place: int, size: int) -> bytes:
    with open("/proc/self/mem", "rb", 0) as memory:
        memory.seek(place)
        return memory.read(size)


def _registered(fd: int) -> Iterable[int]:
    """一个 epoll 里登记的描述符（proc_pid_fdinfo(5)）；别的描述符里没有。"""
    try:
        with open(f"/proc/self/fdinfo/{fd}") as file:
            return [int(number) for number in re.findall(r"^tfd:\s*(\d+)", file.read(), re.M)]
    except OSError:
        return []


def socket_inode(fd: int) -> int | None:
    """套接字在内核里的编号；不是套接字，或已经关了，则为 None。"""
    try:
        found = os.fstat(fd)
    except (OSError, OverflowError):
        return None
    return found.st_ino if stat.S_ISSOCK(found.st_mode) else None
