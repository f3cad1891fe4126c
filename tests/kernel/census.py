"""清点：本进程的描述符与线程，它的子孙进程，机器上的网络命名空间。读 /proc，不猜。"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

PATIENCE = 100.0  # 内核拆一个命名空间要几十毫秒，排起队来更久；秒


def wait_until(fact: Callable[[], bool], patience: float = PATIENCE) -> None:
    """等内核的一个事实成立；等不到就失败。"""
    deadline = time.monotonic() + patience
    while not fact():
        assert time.monotonic() < deadline, f"过了 {patience:.0f} 秒还没有成立"
        os.sched_yield()


def children(pid: int) -> list[int]:
    """一个进程的全部子孙。"""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, fresh = [], [pid]
    while fresh:
        fresh = [child for child, parent in parents.items() if parent in fresh]
        found += fresh
    return found


def namespaces() -> set[str]:
    """本进程和子孙所在的网络命名空间，以及它们的描述符所指的。"""
    found = set()
    for pid in (os.getpid(), *children(os.getpid())):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/{pid}/ns/net"))
    return found


@dataclass(frozen=True)
class Census:
    """一次清点。"""

    descriptors: int
    threads: int
    processes: int
    namespaces: int

    @classmethod
    def take(cls) -> Census:
        gc.collect()
        return cls(len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")),
                   len(children(os.getpid())), len(namespaces()))

    def wait_to_return(self) -> None:
        """等到一切回到这次清点时的样子，或更少。"""
        deadline = time.monotonic() + PATIENCE
        while (now := Census.take()).exceeds(self):
            assert time.monotonic() < deadline, f"留下了东西：先是 {self}，现在是 {now}"

    def exceeds(self, other: Census) -> bool:
        return any(mine > theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True))
