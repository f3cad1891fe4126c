"""主机上的一个程序怎样启动：在 fork 出来的子进程里，备好它的标准输入输出、名字、当前目录，然后 execve。

程序看到的机器名是主机的名字，/etc/hosts 里是这个网络的主机，问别的名字哪里也问不出去：这几个文件和机器名只在它自己的
挂载、UTS 命名空间里换过，磁盘上什么也没有写。内核不许新建这两种命名空间，就照旧：程序照样跑，只是没有这些名字。

由主机工坊（``forge.py``）调用，所以只用标准库。
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import signal
from contextlib import suppress
from typing import Any, NoReturn

__all__ = ["become", "die_with", "end_all", "stay_parent"]

CLONE_NEWNS, CLONE_NEWUTS = 0x00020000, 0x04000000  # <linux/sched.h>
MS_BIND, MS_REC, MS_SLAVE, MNT_DETACH = 0x1000, 0x4000, 0x80000, 2  # <sys/mount.h>
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
SHELF = "/tmp"  # 暂时盖住它，放一放新文件；只有本进程看得见
NSSWITCH = "/etc/nsswitch.conf"
DEFAULTS = ("SIGPIPE", "SIGINT", "SIGXFSZ", "SIGCHLD")


def become(recipe: dict[str, Any], fds: list[int], report: int) -> NoReturn:
    """换成要运行的程序。做不到，把卡在哪一步、errno 写进 ``report``（换成了，它就由内核关上），然后退出。

    ``recipe``：``argv``、``env``、``cwd``、``files``（路径 → 内容）、``name``（机器名），``tracer`` 是放在前面的命令。
    信号恢复缺省，C 程序才会遇到真的 SIGPIPE。
    """
    stage = "run"
    try:
        for name in DEFAULTS:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        for number, fd in enumerate(fds[:3]):
            os.dup2(fd, number)
        with suppress(OSError):
            give_names(recipe["name"], recipe["files"])
        stage = "cwd"
        os.chdir(recipe["cwd"])
        stage = "run"
        program = find(recipe["argv"][0], recipe["env"].get("PATH", os.defpath))
        tracer: list[str] = recipe["tracer"]
        os.execve(tracer[0] if tracer else program, [*tracer, *recipe["argv"]], recipe["env"])
    except (OSError, ValueError) as error:  # ValueError：名字里有 NUL
        os.write(report, f"{stage} {getattr(error, 'errno', None) or errno.EINVAL}".encode())
    finally:
        os._exit(127)


def find(name: str, path: str) -> str:
    """名字带斜线就是它；不带，照 PATH 一处处找，像 execvp(3)：找到的都不许运行，是 EACCES，没有是 ENOENT。"""
    if "/" in name:
        if not os.path.exists(name):
            raise FileNotFoundError(errno.ENOENT, name)
        places = [name]
    else:
        places = [found for folder in path.split(":") if os.path.isfile(found := os.path.join(folder or ".", name))]
    for place in places:
        if os.access(place, os.X_OK) and not os.path.isdir(place):
            return place
    if places:
        raise PermissionError(errno.EACCES, name)
    raise FileNotFoundError(errno.ENOENT, name)


# ---------------------------------------------------------------- 名字

def give_names(name: str, files: dict[str, str]) -> None:
    """进入自己的挂载、UTS 命名空间，改机器名，换掉这几个文件（没有的不换）。"""
    libc = ctypes.CDLL(None, use_errno=True)
    check(libc.unshare(CLONE_NEWNS | CLONE_NEWUTS))
    host = name.encode()
    libc.sethostname(host, len(host))
    mount(libc, "none", "/", MS_REC | MS_SLAVE)
    mount(libc, "tmpfs", SHELF, 0, "tmpfs")
    try:
        for number, (path, text) in enumerate((files | ask_files_first()).items()):
            fresh = f"{SHELF}/{number}"
            with open(fresh, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(fresh, 0o644)
            with suppress(OSError):
                mount(libc, fresh, path, MS_BIND)
    finally:
        libc.umount2(SHELF.encode(), MNT_DETACH)


def ask_files_first() -> dict[str, str]:
    """名字只问 /etc/hosts 和 DNS（nsswitch.conf(5)）；别的来处（systemd-resolved）经 Unix 域套接字，会问到机器外面去。"""
    try:
        with open(NSSWITCH, encoding="utf-8", errors="surrogateescape") as file:
            return {NSSWITCH: re.sub(r"(?m)^hosts:.*$", "hosts: files dns", file.read())}
    except (OSError, UnicodeError):
        return {}


def mount(libc: Any, source: str, target: str, flags: int, kind: str | None = None) -> None:
    check(libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags), None))


def check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


# ---------------------------------------------------------------- 一家子

def die_with(parent: int) -> None:
    """让本进程随父进程一起消失（prctl(2) PR_SET_PDEATHSIG）；若它抢先一步已经死了，自己了断。"""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def stay_parent() -> None:
    """子孙成了孤儿，都算在自己名下（PR_SET_CHILD_SUBREAPER）：再怎样 setsid、两次 fork，也走不出这一家。"""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_all(spared: set[int] | None = None) -> None:
    """杀掉全部子孙（``spared`` 这几个孩子除外）：杀掉一个，它的孩子就到了自己名下，再杀，直到一个也没有。"""
    kept = spared or set()
    while doomed := set(children()) - kept:
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in doomed:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def children() -> list[int]:
    """自己的孩子（proc_pid_children(5)）；内核没有这个文件，就一个个进程看。"""
    try:
        with open("/proc/thread-self/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and parent(pid) == os.getpid()]


def parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0
