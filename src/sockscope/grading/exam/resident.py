"""学生的进程，从外面看：哪个进程拿着一个套接字，它有几个线程、几个描述符，睡着没有（proc(5)）。

它自己报的进程号是说法，而且沙箱里的号码与外面的不同；所以从内核的表里取套接字的编号，再去找谁拿着它。
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sockscope.grading.exam.arguments import PORT
from sockscope.grading.exam.ends import Ends

__all__ = ["CLOCK", "Resident", "holders", "resident"]

OURS = 2  # 学生的进程里本来就有的线程：主线程，和回答“停在哪里”的那个（runner.py）
NAP = 0.2  # 睡了这么久，中间一次也没有醒，才算睡着，秒
CLOCK = 2  # 半秒看一次钟的线程，这么久里至多换下处理器这么多次


def holders(inode: int) -> set[int]:
    """拿着这个套接字的进程。"""
    link, found = f"socket:[{inode}]", set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # 已经没有了，或者不是我们看得见的
            folder = f"/proc/{process}/fd/"
            if any(_link(folder + fd) == link for fd in os.listdir(folder)):
                found.add(int(process))
    return found


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _total(told: list[list[str]]) -> int:
    """一共换下处理器多少次。"""
    return sum(int(count) for _, *counts in told for count in counts)


def resident(stage: Ends, port: int = PORT) -> Resident:
    """在 ``port`` 上听着的那个进程。没有人听就是一行不符。"""
    pids = stage.until(lambda: listeners(stage, port), "等你的程序听着", "听着")
    return Resident(stage, min(pids), port)


def listeners(stage: Ends, port: int) -> set[int]:
    """拿着 ``port`` 上监听套接字的进程。"""
    reading = stage.look_up((stage.student.address, port), ("0.0.0.0", 0))
    return holders(reading.inode) if reading else set()


class Resident:
    """一个进程。它已经没有了，各种数目都是 0。"""

    def __init__(self, stage: Ends, pid: int, port: int) -> None:
        self.stage, self.pid, self.port = stage, pid, port

    @property
    def descriptors(self) -> int:
        return len(self._names("fd"))

    @property
    def threads(self) -> int:
        """学生的线程，主线程在内。"""
        return len(self._names("task")) - OURS + 1

    def _names(self, folder: str) -> list[str]:
        try:
            return os.listdir(f"/proc/{self.pid}/{folder}")
        except OSError:
            return []

    def _tasks(self) -> list[list[str]]:
        """每个线程的状态，和它换下处理器的次数：主动的、被动的。"""
        told = []
        for task in self._names("task"):
            with suppress(OSError), open(f"/proc/{self.pid}/task/{task}/status") as file:
                told.append([line.split()[1] for line in file if line.startswith(("State:", "voluntary", "nonvoluntary"))])
        return told

    def _switches(self) -> list[list[str]]:
        """同上；有一个线程没有睡着，则为空。"""
        told = self._tasks()
        return told if all(state == "S" for state, *_ in told) else []

    def require_single(self) -> None:
        """只有一个进程，一个线程。"""
        processes = len(listeners(self.stage, self.port))
        self.stage.require(processes == 1, "拿着监听套接字的进程", "1 个", f"{processes} 个")
        self.stage.require(self.threads <= 1, "你的线程", "1 个", f"{self.threads} 个")

    def require_rest(self, when: str, wakes: int = 0) -> None:
        """等它睡着：连着 ``NAP`` 秒一次也没有醒（或者每个线程至多醒 ``wakes`` 次）。

        空转的进程轮不上处理器时也不算睡着，所以与机器忙不忙无关。
        """
        self.stage.until(self.napping(wakes), f"{when}，你的进程", "睡着，有事才醒",
                         lambda: "一直在转，没有事也不停地醒来")
        self.stage.require(True, f"{when}，你的进程", "睡着，有事才醒", "睡着")

    def napping(self, wakes: int = 0) -> Callable[[], bool]:
        """从此刻起，它有没有连着睡了 ``NAP`` 秒：每问一次看它一眼。每个线程至多醒 ``wakes`` 次，醒着时没有被看到，也算。"""
        seen: list[Any] = []
        since = time.monotonic()

        def napped() -> bool:
            nonlocal seen, since
            now = self._switches()
            if not now or len(now) != len(seen) or _total(now) - _total(seen) > wakes * len(now):
                seen, since = now, time.monotonic()
            return time.monotonic() - since >= NAP
        return napped

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP：从此什么也不做，内核照样替它收发；离开时 SIGCONT。"""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            self.stage.until(lambda: all(state == "T" for state, *_ in self._tasks()), "考官叫你的进程停住（SIGSTOP）", "停住")
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def descriptors_at_rest(self) -> int:
        """等它睡着了，数它的描述符；不睡的，一秒以后就数。"""
        self.stage.pause(self.napping(CLOCK), 1.0)
        return self.descriptors

    def require_descriptors(self, expected: int, when: str) -> None:
        """等它的描述符变成这么多个。"""
        self.stage.until(lambda: self.descriptors == expected, f"{when}，你的描述符", f"{expected} 个",
                         lambda: f"{self.descriptors} 个")
        self.stage.require(True, f"{when}，你的描述符", f"{expected} 个", f"{expected} 个")
