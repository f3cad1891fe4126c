"""看门的：每个沙箱一共占了多少内存、写了多少文件、塞了多少包，太多就整个杀掉；单个进程的上限管不住一群。"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sockscope.live import Network

__all__ = ["Sitting", "Watchdog", "first"]

MEMORY = 256 << 20  # 一个沙箱里全部进程合计，字节
DISK, FILES = 32 << 20, 500  # 考场文件夹里合计的字节数与文件数
SOCKETS = 300  # 一台主机上的套接字：内核替它们占的内存不算在任何进程头上
PACKETS = 4_000  # 一场考试里网线上的包：每一个都要记下来
LONGEST = 600.0  # 一场考试最长，秒；考官自己的时限短得多，这是最后的一道
LOOK = 0.1  # 多久看一眼，秒：一眼要一毫秒，而一个进程十分之一秒里占不满几百 MB


@dataclass(frozen=True)
class Sitting:
    """一场考试：bubblewrap 写下 1 号进程编号的文件，考场文件夹，网络，开始的时刻，考官添在那台主机上的套接字。"""

    info: Path
    folder: str
    network: Network
    since: float
    sockets: int = 0

    def excess(self) -> bool:
        """是不是要得太多。"""
        pid = _told(self.info).get("child-pid")
        wires = self.network.wires
        return pid is not None and (
            time.monotonic() - self.since > LONGEST or (wires is not None and wires.count > PACKETS)
            or _sockets(pid) > SOCKETS + self.sockets or sum(map(_memory, _family(pid))) > MEMORY or _crowded(self.folder))


class Watchdog:
    """不时看一眼每个沙箱，要得太多就杀掉它的 1 号进程。"""

    def __init__(self, running: dict[str, Sitting]) -> None:
        self.running, self.over = running, threading.Event()
        self.thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.over.wait(LOOK):
            for sitting in list(self.running.values()):
                if sitting.excess() and (init := first(sitting.info)):
                    with contextlib.suppress(ProcessLookupError):
                        signal.pidfd_send_signal(init, signal.SIGKILL)
                    os.close(init)

    def stop(self) -> None:
        self.over.set()
        self.thread.join()


def first(info: Path) -> int | None:
    """沙箱 1 号进程的 pidfd；它没有起来或已经不在了则为 None。

    pid 也许已经换了主人，所以要它真的住在沙箱的进程命名空间里。命令行不能当记号：它死到一半，命令行就空了，
    而那时它还在等同一命名空间里别的进程死完。
    """
    told = _told(info)
    try:
        fd = os.pidfd_open(told["child-pid"])
    except (OSError, KeyError):
        return None
    with contextlib.suppress(OSError):
        if os.stat(f"/proc/{told['child-pid']}/ns/pid").st_ino == told.get("pid-namespace"):
            return fd
    os.close(fd)
    return None


def _told(info: Path) -> dict[str, int]:
    """bubblewrap 写下的 1 号进程和各个命名空间的编号；还没有写完则为空。"""
    try:
        told: dict[str, int] = json.loads(info.read_text())
        return told
    except (OSError, ValueError):
        return {}


def _crowded(folder: str) -> bool:
    """考场文件夹里的东西是不是太多；数到上限就不再数。"""
    waiting, files, size = [folder], 0, 0
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                files, size = files + 1, size + entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                if files > FILES or size > DISK:
                    return True
    return False


def _family(pid: int) -> list[int]:
    """一个进程和它的全部后代；孤儿由沙箱的 1 号进程收养，所以一个不漏。"""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        for task in _tasks(found[-1]):
            with contextlib.suppress(OSError):
                waiting += map(int, Path(f"/proc/{found[-1]}/task/{task}/children").read_text().split())
    return found


def _tasks(pid: int) -> list[str]:
    """一个进程的线程；它已经不在了则没有。"""
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _memory(pid: int) -> int:
    """一个进程自己占的内存（匿名页与共享内存），字节。"""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon", "RssShmem")))


def _sockets(pid: int) -> int:
    """一个进程所在的网络命名空间里有多少套接字。"""
    try:
        return int(Path(f"/proc/{pid}/net/sockstat").read_text().split()[2])
    except (OSError, ValueError, IndexError):
        return 0
