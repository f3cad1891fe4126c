"""考场：一个网络，学生的进程住在其中一台主机里，考官拿着网线和套接字的另一头。

考官是一个普通的函数，从头读到尾：叫学生的函数，从另一头收发，等一件事发生，比较。它只相信自己看见的：
自己那一头收到的字节、网线上的包、内核的表。学生的进程交回来的值是说法，只有说中了考官的随机数才算数。
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from sockscope import trace as tr
from sockscope.grading.arguments import freeze
from sockscope.grading.ends import Ends
from sockscope.grading.lab import Check
from sockscope.grading.student import Answers, Launcher, Student
from sockscope.grading.verdict import Row, Verdict
from sockscope.grading.waiting import SLICE, Clock, Failed, describe, refusal, show

__all__ = ["Stage", "examine"]

START = 20.0  # 学生的进程最多这么久要就绪，秒


class Stage(Ends):
    """考官的函数只收到它。"""

    def call(self, function: str, *args: Any, on: str = "", driver: str = "") -> Student:
        """在一个新进程里叫学生的 ``function(*args)``，等它装好就返回。

        ``on`` 是另一台主机；``driver`` 是考官的一段程序，装在答题格之后，``function`` 可以是它定义的名字。
        """
        host = self.net[on or self.check.student]
        names = list(self.check.lab.cells)
        last = max((names.index(c) for c in self.check.cells), default=-1)
        cells = [[n, self.answers.cells[n]] for n in names[:last + 1] if n in self.answers.cells]
        task = {"prelude": self.check.lab.prelude, "cells": cells, "driver": driver, "function": function,
                "arguments": [freeze(a) for a in args]}
        text = f"{function}({', '.join(show(a) for a in args)})"
        student = Student(host, self.launcher, task, text, self.net.folder)
        self.students.append(student)
        clock = Clock(START)
        while not student.ready and not clock.over():
            with student.changed:
                student.changed.wait_for(lambda: student.ready, SLICE)
        self._prepared(student)
        return student

    def _prepared(self, student: Student) -> None:
        kind, value = student.outcome
        for cell in self.check.cells:
            if trouble := student.troubles.get(cell):
                self._blame(trouble)
                self.fail(f"装入答题格 {cell}", "没有错误", describe(trouble))
        if student.over and kind == "missing":
            defined = "、".join(n for c in self.check.cells for n in self.check.lab.cells[c])
            self.fail(f"在答题格里找 {student.text.partition('(')[0]}", f"定义了 {defined}", "没有找到这个名字")
        if not student.pid or (student.over and kind == "unprepared"):
            raise RuntimeError(f"学生的进程没有就绪：{student.said[-400:]!r} {value or ''}")
        if not student.ready:
            self.fail("装入答题格", f"{START:.0f} 秒之内装好", "没有装好")

    # ------------------------------------------------------------ 收工

    @property
    def trace(self) -> tr.Trace:
        """到此刻的轨迹：考官的调用、网线上的包、内核的状态是看见的；学生一侧的调用是他的进程说的。"""
        seen, journal = self.net.trace, self.net.journal
        told = [c for s in self.students for c in s.told_calls(journal.origin)]
        homes = {s.host.name for s in self.students}
        hosts = [replace(h, title=f"{h.title}（你）") if h.name in homes else h for h in seen.hosts]
        return replace(seen, hosts=hosts, events=tr.in_order([*seen.events, *told]))

    def close(self) -> None:
        for sock in self.own:
            sock.close()
        for student in self.students:
            student.end()
        self.net.close()


def examine(check: Check, answers: Answers, launcher: Launcher, seed: int) -> Verdict:
    """做一项检查，给出判定。考官自己的错误不算学生的：``status`` 是 ``broken``。"""
    verdict = Verdict(check.id, check.title, check.points, seed=seed)
    started = time.monotonic()
    stage = Stage(check, seed, answers, launcher)
    try:
        check.run(stage)
    except Failed:
        verdict.status = "failed"
    except OSError as error:
        stage.rows.append(Row(check.tries, "考官这一头的套接字一切正常", refusal(error), False))
        verdict.status = "failed"
    except Exception as error:
        verdict.status, verdict.note = "broken", f"批改的程序自己出了错：{type(error).__name__}: {error}"
    finally:
        if verdict.status != "passed":
            stage.net.wires.settle(1)
            verdict.trace = stage.trace
        stage.close()
    verdict.rows, verdict.where = stage.rows, stage.where
    verdict.said = printed(stage.students)
    verdict.seconds = time.monotonic() - started
    return verdict


def printed(students: list[Student]) -> str:
    """学生的程序打印的文字，不长。"""
    text = b"".join(s.said for s in students).decode("utf-8", "replace")[:4000]
    return "".join(c if c.isprintable() or c in "\n\t" else "·" for c in text)
