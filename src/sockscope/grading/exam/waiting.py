"""等待与比较：等一件事成真，记下一行，等不到就说出学生的程序停在哪里。

等待从不靠睡觉：等描述符就绪、等包出现、等内核的队列变化。等的上限按“考试钟”走：机器忙得连考官都轮不上时，
钟也走得慢。学生的函数已经结束、网线也静了，就不必等到时限。
"""

from __future__ import annotations

import math
import random
import select
import socket
import time
from collections.abc import Callable
from typing import Any, NoReturn

from sockscope.grading.exam.c_answer import is_c
from sockscope.grading.exam.lab import Check, Lab
from sockscope.grading.exam.student import Answers, Launcher, Student, clean
from sockscope.grading.exam.verdict import Row
from sockscope.live import Host, Network
from sockscope.live.journal import error_name

__all__ = ["Allowance", "Clock", "Failed", "Waiting", "describe", "poll", "refusal", "show"]

SLICE = 0.02  # 等待时每次睡多久，秒
LONGEST = 8  # 一项检查总共最多等几个 patience
TWICE = 2  # 一份答卷总共白等得起几遍：每一项都白等一回的，也做得完
GONE = "你的进程中途没了：os._exit()、崩溃，或超出了限制"


class Failed(Exception):
    """有一行不符：检查到此为止。"""


class Clock:
    """考试钟：一次看表之间最多走两格，所以机器忙的时候走得慢。"""

    def __init__(self, seconds: float) -> None:
        self.left, self.last = seconds, time.monotonic()

    def over(self) -> bool:
        now = time.monotonic()
        self.left -= min(now - self.last, 2 * SLICE)
        self.last = now
        return self.left <= 0


class Allowance:
    """一份答卷还白等得起多少秒，它的全部检查合用。只扣等到时限也没有等到的；等到了的不扣，机器再慢也不亏。"""

    def __init__(self, lab: Lab | None = None) -> None:
        self.left = TWICE * sum(check.patience for check in lab.checks.values()) if lab else math.inf


class Pace:
    """多久看一眼：起先很勤，好不耽误；一直没有动静就慢下来，把核让给别人。"""

    def __init__(self) -> None:
        self.seconds = SLICE / 20

    def next(self) -> float:
        self.seconds = min(2 * self.seconds, SLICE)
        return self.seconds


class Waiting:
    """一项检查的一次进行：网络、学生的进程、已经比较过的几行。"""

    def __init__(self, check: Check, seed: int, answers: Answers, launcher: Launcher,
                 paper: Allowance | None = None) -> None:
        self.check, self.seed, self.answers, self.launcher = check, seed, answers, launcher
        self.rng = random.Random(f"{check.id} {seed}")
        self.rows: list[Row] = []
        self.students: list[Student] = []
        self.folders: dict[str, str] = {}  # 主机（空为学生所在的那台）→ 那里的考场文件夹
        self.heard: list[Student] = []  # 结局已经问过的：以后别处等不到，不能怪它
        self.where: list[str] = []
        self.own: list[socket.socket] = []
        self.whole, self.paper = Clock(check.patience * LONGEST), paper or Allowance()
        # 考官自己的等待不是学生做的：不进轨迹
        self.net = Network(*check.hosts, delay=check.delay, seed=seed, delayed_ack=check.delayed_ack,
                           rto_min=check.rto_min, capture="cable", title=f"{check.id}：{check.title}", waits=False)

    @property
    def student(self) -> Host:
        """学生代码所在的主机。"""
        return self.net[self.check.student]

    def quiet(self) -> bool:
        """等网线上没有包了（至多一秒）；考场总有网线。"""
        return self.net.wires is not None and self.net.wires.settle(1)

    def until(self, fact: Callable[[], Any], tried: str, expected: str,
              seen: Callable[[], str] = lambda: "一直没有发生", sock: Any = None) -> Any:
        """等一件事成真，返回它的值。等不到就是一行不符，并说明学生的程序停在哪里。"""
        clock, pace = Clock(self.check.patience), Pace()
        while not (value := fact()):
            if self._nobody_left() and self.quiet():
                if value := fact():
                    return value
                break
            if clock.over() or self.whole.over():
                self.paper.left -= self.check.patience - clock.left
                self._ask_where()
                break
            self._doze(pace, sock)
        if value:
            return value
        return self.fail(tried, expected, seen() + self._excuse())

    def pause(self, fact: Callable[[], Any], seconds: float = 0.3) -> bool:
        """等一件事成真，等不到也不算错；返回等到没有。"""
        clock, pace = Clock(seconds), Pace()
        while not (value := fact()):
            if clock.over() or self.whole.over() or self._nobody_left():
                return False
            self._doze(pace)
        return bool(value)

    def _doze(self, pace: Pace, sock: Any = None) -> None:
        if sock is not None:
            poll(sock, select.POLLIN, SLICE)
        else:
            with self.net.journal.changed:
                self.net.journal.changed.wait(pace.next())

    def _nobody_left(self) -> bool:
        return bool(self.students) and all(s.over for s in self.students)

    def _excuse(self) -> str:
        """学生的函数已经结束了的话，它是怎样结束的。"""
        for student in self.students:
            if student.over and student.outcome[0] != "returned" and student not in self.heard:
                return f"；{self._ending(student)}"
        return "；你的函数已经返回了" if self._nobody_left() else ""

    def _ending(self, student: Student) -> str:
        kind, value = student.outcome
        if kind == "raised":
            self._blame(value)
            return f"你的函数抛出了 {describe(value)}"
        return GONE

    def result(self, student: Student, tried: str = "", expected: str = "返回") -> Any:
        """等学生的函数返回，取它说的值。抛出异常或不返回，就是一行不符。"""
        kind, value = self.outcome(student, tried, expected)
        if kind == "raised":
            self.fail(tried or student.text, expected, self._ending(student))
        return value

    def outcome(self, student: Student, tried: str = "", expected: str = "返回") -> tuple[str, Any]:
        """等学生的函数结束：``("returned", 值)``，或 ``("raised", {"type", "errno", "text", …})``。"""
        self.until(lambda: student.over, tried or student.text, expected, lambda: "一直没有返回")
        if student.outcome[0] == "left":
            self.fail(tried or student.text, expected, self._ending(student))
        self.heard.append(student)
        return student.outcome

    def expect(self, tried: str, expected: Any, seen: Any) -> None:
        """一行比较：相等，类型也相同。"""
        self.require(type(expected) is type(seen) and expected == seen, tried, show(expected), show(seen))

    def require(self, ok: bool, tried: str, expected: str, seen: str) -> None:
        """一行判断。"""
        if not ok:
            self.fail(tried, expected, seen)
        self.rows.append(Row(tried, expected, seen, True))

    def fail(self, tried: str, expected: str, seen: str) -> NoReturn:
        """一行不符，检查到此为止。"""
        gone = any(s.over and s.outcome[0] == "left" for s in self.students)
        if gone and "中途" not in seen:
            seen += f"（{GONE}）"
        self.rows.append(Row(tried, expected, seen, False))
        raise Failed

    def _ask_where(self) -> None:
        for student in self.students:
            if student.over:
                continue
            places = student.where(lambda seconds: seconds)
            self.where += [self._place("停在", p) for p in places]
            if not places:
                self.where.append("没有停在答题格里：也许已经返回到了考官的程序，也许困在一段不让出解释器的代码里。")

    def _blame(self, trouble: dict[str, Any]) -> None:
        if trouble.get("cell"):
            self.where.append(self._place("出错在", trouble))

    def _place(self, verb: str, place: dict[str, Any]) -> str:
        cell, line = clean(place.get("cell")), place.get("line")
        if not line:
            blind = "：它是 C 写的，说不出是第几行" if verb == "停在" and is_c(self.answers.cells.get(cell, "")) else ""
            return f"{verb}答题格 {cell} 里{blind}"
        source = clean(self.answers.line(cell, line)) if isinstance(line, int) else ""
        return f"{verb}答题格 {cell} 第 {clean(line)} 行：{source}"


def poll(sock: Any, event: int, seconds: float = 0.0) -> bool:
    waiting = select.poll()
    waiting.register(sock.fileno(), event)
    return bool(waiting.poll(seconds * 1000))


def show(value: Any) -> str:
    """一个值的文字，不长。"""
    if isinstance(value, bytes) and len(value) > 40:
        return f"{value[:24]!r}…（{len(value)} 字节）"
    text = repr(value)
    return text if len(text) < 200 else text[:199] + "…"


def describe(trouble: dict[str, Any]) -> str:
    """学生代码里的异常，一句话。"""
    if trouble.get("type") == "NotImplementedError":
        return "NotImplementedError：这一格还没有写"
    text = clean(trouble.get("text", ""))
    return clean(trouble.get("type", "异常")) + (f"：{text}" if text else "")


def refusal(error: OSError) -> str:
    """考官这一头的错误，写 errno 的名字。"""
    return error_name(error)
