"""strace 在不在、肯不肯、怎样叫它；线程此刻的样子（/proc）；墙上的钟。"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from sockscope.live.capability import Unavailable
from sockscope.live.syscalls import CALLS
from sockscope.live.watching import WAITS

if TYPE_CHECKING:
    from sockscope.live.host import Host
    from sockscope.live.journal import Journal

__all__ = ["BIRTHS", "OPTIONS", "WATCHED", "find_strace", "state", "tracer", "wall_clock"]

BIRTHS = ("clone", "clone3", "fork", "vfork")
WATCHED = (*CALLS, *WAITS, "socketpair", "epoll_ctl", "execve", "exit_group", "restart_syscall", *BIRTHS)
OPTIONS = ("-D", "-f", "-q", "-xx", "-y", "-a1", "-s", "256", "--seccomp-bpf", "--timestamps=unix,ns", "--syscall-times=ns",
           "-e", "trace=" + ",".join(f"?{name}" for name in WATCHED))


def find_strace(host: Host) -> str:
    """strace 的路径，试过它在主机上看得了程序；不行抛 ``Unavailable``。"""
    found = shutil.which("strace")
    if found is None:
        raise Unavailable("看别的程序的系统调用要用 strace，这台机器没有装。补救：sudo apt install strace。")
    if why := _refused(found, host):
        raise Unavailable(f"内核或 strace 不肯看着别的程序（{why}）。"
                          "补救：在容器里，叫 seccomp 放行 ptrace（Docker：--cap-add SYS_PTRACE）；strace 要 5.3 以上。")
    return found


_asked: dict[str, str] = {}


def _refused(strace: str, host: Host) -> str:
    """真的看一个 true 试试：不肯就是它说的那句话。同一个 strace 只试一次。"""
    if strace not in _asked:
        with host.program(strace, *OPTIONS, "-o", "/dev/null", "true") as trial:
            said = trial.communicate()[1].decode(errors="replace").strip()
        host.network.processes.remove(trial)
        trial.forget()
        _asked[strace] = "" if trial.returncode == 0 else said.splitlines()[0] if said else f"退出码 {trial.returncode}"
    return _asked[strace]


# ---------------------------------------------------------------- /proc 与钟

def state(pid: int) -> str:
    """线程的状态（proc_pid_stat(5)）；没有了则为 X。"""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def tracer(pid: int) -> int:
    """谁看着它（proc_pid_status(5)）；没有则为 0。"""
    try:
        with open(f"/proc/{pid}/status") as file:
            return int(file.read().partition("TracerPid:")[2].split()[0])
    except OSError:
        return 0


def wall_clock(journal: Journal) -> int:
    """墙上的钟（CLOCK_REALTIME）比轨迹的快多少，纳秒：量几次，取最准的。两个钟走得一样快，只有拨了墙上的钟才变。"""
    readings = []
    for _ in range(5):
        before = journal.now()
        wall = time.time_ns()
        after = journal.now()
        readings.append((after - before, wall - (before + after) // 2))
    return min(readings)[1]
