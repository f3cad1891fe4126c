"""考场：一个网络，学生的进程住在其中一台主机里，考官拿着网线和套接字的另一头。

考官是一个普通的函数，从头读到尾：叫学生的函数，从另一头收发，等一件事发生，比较。它只相信自己看见的：
自己那一头收到的字节、网线上的包、内核的表。学生的进程交回来的值是说法，只有说中了考官的随机数才算数。
"""

from __future__ import annotations

import os
import secrets
import select
import socket
import stat
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sockscope import trace as tr
from sockscope.grading.exam.arguments import freeze
from sockscope.grading.exam.c_answer import is_c
from sockscope.grading.exam.ends import Ends
from sockscope.grading.exam.lab import Check
from sockscope.grading.exam.student import Answers, Launcher, Student
from sockscope.grading.exam.verdict import Row, Verdict
from sockscope.grading.exam.waiting import SLICE, Allowance, Clock, Failed, describe, poll, refusal, show
from sockscope.grading.exam.workshop import LOADER, built
from sockscope.live import Host, Unavailable
from sockscope.live.folder import new_folder, remove_folder

__all__ = ["Stage", "clear", "examine", "let_go"]

START = 20.0  # 学生的进程最多这么久要起得来，秒；起不来怪机器
LOAD = 10.0  # 起来以后，装入答题格最多这么久，秒：它自己的闹钟（runner.LOADING）早就该响了
MOST = 600  # 留下的轨迹最多这么多件事：塞满网线的，不能叫画图的人画到天黑


class Stage(Ends):
    """考官的函数只收到它。"""

    def call(self, function: str, *args: Any, on: str = "", driver: str = "", **tighter: int) -> Student:
        """在一个新进程里叫学生的 ``function(*args)``，等它装好就返回。

        ``on`` 是另一台主机，考场文件夹也是另一个；``driver`` 是考官的一段程序，装在答题格之后，``function`` 可以是
        它定义的名字，但它与学生的代码同住，学生看得见也改得动；``tighter`` 是更紧的资源上限，在装入答题格之前就收紧。
        """
        host = self.net[on or self.check.student]
        task = {"prelude": self.check.lab.prelude, "cells": list(self._cells(host)), "driver": driver, "function": function,
                "arguments": [freeze(a) for a in args], "tighter": tighter}
        text = f"{function}({', '.join(show(a) for a in args)})"
        student = Student(host, self.launcher, task, text, self._folder(on), self.check.sockets)
        self.students.append(student)
        self._await(student)
        self._prepared(student)
        return student

    def _await(self, student: Student) -> None:
        """等它就绪。解释器还没有起来，学生的代码就还没有运行，不走学生的钟。"""
        starting, loading = Clock(START), Clock(LOAD)
        while not student.ready and not starting.over():
            if student.pid and loading.over():
                self.paper.left -= LOAD
                break
            with student.changed:
                student.changed.wait_for(lambda: student.ready, SLICE)

    def _cells(self, host: Host) -> Iterator[tuple[str, str, bytes]]:
        """要装入的答题格：名字，Python，编好的共享库（不是 C 的为空）。C 编译不过的，别的检查用不着就不装。"""
        names, lab = list(self.check.lab.cells), self.check.lab
        last = max((names.index(c) for c in self.check.cells), default=-1)
        for name in [n for n in names[:last + 1] if n in self.answers.cells]:
            if not is_c(source := self.answers.cells[name]):
                yield name, source, b""
                continue
            made = built(host, self.launcher, lab, name, source)
            if made.trouble is None and lab.in_c:
                yield name, f"{LOADER}\n{lab.in_c.adapters[name]}", made.library
            elif made.trouble and name in self.check.cells:
                self._blame(made.trouble)
                self.fail(f"编译答题格 {name}", "编译得过", describe(made.trouble))

    def _folder(self, on: str) -> str:
        """学生看到的考场文件夹：两台主机上的程序只能经网线说话，所以不共用。"""
        if on not in self.folders:
            self.folders[on] = new_folder() if on else self.net.folder
        return self.folders[on]

    # ------------------------------------------------------------ 考官放在考场里的文件

    def share(self, name: str) -> None:
        """让学生的用户也连得上考官的套接字文件。名字可能已经被他换成了别的，所以不跟随符号链接，只改考官自己的套接字。"""
        fd = os.open(self.net.folder + name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(fd)
            if stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid():
                os.chmod(f"/proc/self/fd/{fd}", 0o666)
        finally:
            os.close(fd)

    def unix_listen(self, name: str, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """考官自己的 Unix 域套接字，占住考场文件夹里的一个名字，谁都连得上；有连接的就听着。"""
        sock = socket.socket(socket.AF_UNIX, kind)
        self.own.append(sock)
        sock.bind(self.net.folder + name)
        self.share(name)
        if kind != socket.SOCK_DGRAM:
            sock.listen(16)
        return sock

    def unix_accept(self, listener: socket.socket, tried: str) -> socket.socket:
        """接住考官自己的 Unix 域套接字上的一个连接。"""
        self.until(lambda: poll(listener, select.POLLIN), tried, "一个连接", lambda: "没有人来", listener)
        self.own.append(listener.accept()[0])
        return self.own[-1]

    def place(self, name: str, content: bytes) -> None:
        """放一个谁都读得、写得的普通文件；那里已经有什么，就是一个 OSError。"""
        fd = os.open(self.net.folder + name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "wb") as file:
            os.fchmod(fd, 0o666)
            file.write(content)

    def contents(self, name: str) -> bytes:
        """一个普通文件的内容；学生留下的别的什么（符号链接、管道）都不跟随，也不等。"""
        with suppress(OSError):
            fd = os.open(self.net.folder + name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(fd, "rb") as file:
                return file.read(1 << 20) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
        return b""

    def _prepared(self, student: Student) -> None:
        kind, value = student.outcome
        for cell in self.check.cells:
            if trouble := student.troubles.get(cell):
                self._blame(trouble)
                self.fail(f"装入答题格 {cell}", "没有错误", describe(trouble))
        if student.over and kind == "missing":
            defined = "、".join(n for c in self.check.cells for n in self.check.lab.cells[c])
            self.fail(f"在答题格里找 {student.text.partition('(')[0]}", f"定义了 {defined}", "没有找到这个名字")
        if student.over and kind == "unprepared":  # 说法可以冒充，考场里的文件他也动得了，所以不算我们出错
            self.fail("准备好你的函数的参数", "准备好了", describe(value))
        if not student.pid:
            raise RuntimeError(f"学生的进程没有就绪：{student.said[-400:]!r}")
        if not student.ready:
            self.fail("装入答题格", f"{LOAD:.0f} 秒之内装好", "没有装好")

    # ------------------------------------------------------------ 收工

    @property
    def trace(self) -> tr.Trace:
        """到此刻的轨迹：考官的调用、网线上的包、内核的状态是看见的；学生一侧的调用是他的进程说的。"""
        seen, journal = self.net.trace, self.net.journal
        told: list[tr.Call] = []
        homes: Counter[str] = Counter()  # 主机 → 那里的学生进程已经有几个套接字
        for student in self.students:
            told += student.told_calls(journal.origin, homes[student.host.name])
            homes[student.host.name] += student.sockets
        hosts = [replace(h, title=f"{h.title}（你）") if h.name in homes else h for h in seen.hosts]
        return replace(seen, hosts=hosts, events=tr.in_order([*seen.events, *told])[:MOST])

    def close(self) -> None:
        for student in self.students:
            student.end()
        for sock in self.own:
            let_go(sock)
        for folder in self.folders.values():
            clear(folder)
        for folder in (f for on, f in self.folders.items() if on):
            remove_folder(folder)
        self.net.close()


def let_go(sock: socket.socket) -> None:
    """关掉一个套接字。学生可能交来一个 SO_LINGER 很长、发不完的，要先叫它别等。"""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
    sock.close()


def clear(folder: str) -> None:
    """删空一个文件夹，不管里面套了几千层、锁了几道：每次把下一层搬到面上来，路径从不变长。"""
    while entries := list(os.scandir(folder)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, 0o700)
            for inner in os.scandir(entry.path):
                if inner.is_dir(follow_symlinks=False):
                    os.chmod(inner.path, 0o700)
                os.rename(inner.path, f"{folder}{secrets.token_hex(8)}")
            os.rmdir(entry.path)


def examine(check: Check, answers: Answers, launcher: Launcher, seed: int, paper: Allowance | None = None) -> Verdict:
    """做一项检查，给出判定；``paper`` 是整份答卷还白等得起多少。考官自己的错误不算学生的：``status`` 是 ``broken``。"""
    verdict = Verdict(check.id, check.title, check.points, seed=seed)
    started = time.monotonic()
    stage = Stage(check, seed, answers, launcher, paper)
    try:
        check.run(stage)
    except Failed:
        verdict.status = "failed"
    except Unavailable as lacking:  # 这台机器编译不了 C：放在一边，不是零分
        verdict.status, verdict.note = "broken", str(lacking)
    except OSError as error:
        stage.rows.append(Row(check.tries, "考官这一头的套接字一切正常", refusal(error), False))
        verdict.status = "failed"
    except Exception as error:
        verdict.status, verdict.note = "broken", f"批改的程序自己出了错：{type(error).__name__}: {error}"
    finally:
        try:
            if verdict.status != "passed":
                stage.quiet()
                verdict.trace = stage.trace
                verdict.note = verdict.note or next((s.killer for s in stage.students if s.killer), "")
        finally:
            stage.close()
    verdict.rows, verdict.where = stage.rows, stage.where
    verdict.said = printed(stage.students)
    verdict.seconds = time.monotonic() - started
    return verdict


def printed(students: list[Student]) -> str:
    """学生的程序打印的文字，不长。"""
    text = b"".join(s.said for s in students).decode("utf-8", "replace")[:4000]
    return "".join(c if c.isprintable() or c in "\n\t" else "·" for c in text)
