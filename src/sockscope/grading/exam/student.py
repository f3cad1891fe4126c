"""学生代码的一次运行：一个新的进程，住在一台主机里；我们读它的说法，问它停在哪里。"""

from __future__ import annotations

import contextlib
import errno
import json
import marshal
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from sockscope.live import Host, Program
from sockscope.trace import Call

__all__ = ["Answers", "Launcher", "Plain", "Student", "clean", "thaw"]

RUNNER = Path(__file__).with_name("runner.py")
FLAGS = ("-I", "-S", "-u", "-B", "-X", "utf8")
LINE = 1 << 20  # 一句话最长，字节
TALK = 8 << 20  # 一次运行总共最多听这么多
FLOOD = 64 << 20  # 打印加上说话，多过这么多就不再读：让它堵在自己的管道里
PRINTED = 4000  # 留下多少打印的文字
SHORT = 100
SIGNALS: dict[int, str] = {number: why for name, why in {
    "SIGSEGV": "访问了不该访问的内存", "SIGBUS": "访问了不该访问的内存", "SIGFPE": "除以了零",
    "SIGABRT": "abort()，多半是写坏了堆", "SIGILL": "执行到了不是指令的地方",
    "SIGPIPE": "往已经断了的连接写，又没有写 MSG_NOSIGNAL", "SIGALRM": "装了太久还没有装好",
    "SIGXCPU": "占用处理器太久"}.items() if (number := getattr(signal, name, None))}  # 没有 POSIX 信号的系统上也导入得了
LABEL = re.compile(r"^s(\d{1,3})(?=,|$)")  # 套接字的编号


@dataclass
class Answers:
    """一份答卷：答题格 → 源代码。``driver`` 之外的一切都来自学生。"""

    cells: dict[str, str] = field(default_factory=dict)

    def line(self, cell: str, number: int) -> str:
        """某格第几行的原文；没有则为空。"""
        lines = self.cells.get(cell, "").splitlines()
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""


class Launcher(Protocol):
    """怎样启动学生的进程：自检时直接启动，批改时关进沙箱。

    ``start`` 返回程序和它的条件：资源上限 ``limits``、要换成的用户 ``uid``（0 是不换）、
    它看到的考场文件夹 ``folder``（在这边叫 ``folder`` 参数）；``sockets`` 是考官要在那台主机上添多少个套接字；
    ``compiling`` 是去编译一格 C。
    """

    def start(self, host: Host, folder: str, *, sockets: int = 0,
              compiling: bool = False) -> tuple[Program, dict[str, Any]]: ...

    def end(self, student: Student) -> None: ...


class Plain:
    """在学生自己的机器上：不必防他自己，只要进程是新的。"""

    def start(self, host: Host, folder: str, *, sockets: int = 0,
              compiling: bool = False) -> tuple[Program, dict[str, Any]]:
        program = host.program(sys.executable, *FLAGS, str(RUNNER))
        return program, {"limits": {}, "uid": 0, "folder": folder}

    def end(self, student: Student) -> None:
        """连同它分叉出来的一起杀掉：进程组是它在装入学生代码之前自己报的。"""
        if student.pid > 1:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(student.pid, signal.SIGKILL)


# ---------------------------------------------------------------- 说法

class Other:
    """学生返回了我们不认的类型；它与什么都不相等。"""

    def __init__(self, name: object) -> None:
        self.name = clean(name)

    def __repr__(self) -> str:
        return f"一个 {self.name} 对象"


def thaw(claim: Any) -> Any:
    """把说法里的值读回来：只会是普通类型，或 ``Other``。"""
    kind, value = next(iter(claim.items())) if isinstance(claim, dict) and len(claim) == 1 else ("", None)
    match kind:
        case "value" if value is None or isinstance(value, (bool, int, float, str)):
            return value
        case "bytes" if isinstance(value, str):
            return bytes.fromhex(value)
        case "list" | "tuple" if isinstance(value, list):
            return (list if kind == "list" else tuple)(thaw(v) for v in value)
        case "dict" if isinstance(value, list):
            return {hashable(thaw(k)): thaw(v) for k, v in value}
        case "other":
            return Other(value)
    raise ValueError("看不懂的说法")


def trouble(told: dict[str, Any]) -> dict[str, Any]:
    """一个异常的说法：只留约定的几样，每样都写得进文件、画得进图。"""
    return {"type": clean(told.get("type", "异常")), "text": clean(told.get("text", "")), "errno": whole(told.get("errno")),
            **place(told)}


def place(told: dict[str, Any]) -> dict[str, Any]:
    return {"cell": clean(told.get("cell", "")), "line": whole(told.get("line")) or 0}


def whole(value: Any, most: int = 1 << 31) -> int | None:
    """一个不太大的自然数；不是则为 None。"""
    return value if type(value) is int and 0 <= value <= most else None


def hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


# ---------------------------------------------------------------- 进程

class Student:
    """一次运行。``over`` 之后，``outcome`` 是 ``("returned", 值)``、``("raised", 描述)`` 或 ``("left", 描述)``。"""

    def __init__(self, host: Host, launcher: Launcher, task: dict[str, Any], text: str, folder: str, sockets: int = 0,
                 compiling: bool = False) -> None:
        self.host, self.launcher, self.text = host, launcher, text
        self.changed = threading.Condition()
        self.pid = 0
        self.ready = self.over = False
        self.troubles: dict[str, Any] = {}
        self.outcome: tuple[str, Any] = ("left", None)
        self.stands: list[dict[str, Any]] | None = None
        self.calls: dict[int, dict[str, Any]] = {}
        self.said = b""
        self.heard = self.read = 0
        self.program, terms = launcher.start(host, folder, sockets=sockets, compiling=compiling)
        self.out, self.err = (os.dup(f.fileno()) for f in (self.program.stdout, self.program.stderr))
        self.bell = os.eventfd(0, os.EFD_CLOEXEC)
        self.listener = threading.Thread(target=self._listen, name="listener", daemon=True)
        self.listener.start()
        self._tell(marshal.dumps({**task, **terms}).hex().encode() + b"\n")

    def _tell(self, data: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data:
                data = data[self.program.stdin.write(data):]

    # ------------------------------------------------------------ 听它说

    def _listen(self) -> None:
        """读两根管道，直到它们都到了头，或有人按铃。"""
        poll, buffers = select.poll(), {self.out: b"", self.err: b""}
        for fd in (self.bell, self.out, self.err):
            poll.register(fd, select.POLLIN)
        while buffers:
            for fd, _ in poll.poll():
                if fd == self.bell:
                    return self._finish()
                data = os.read(fd, 65536)
                self.read += len(data)
                if self.read > FLOOD:
                    return self._finish()
                if not data:
                    poll.unregister(fd)
                    del buffers[fd]
                    if fd == self.out:
                        self._finish()
                elif fd == self.err:
                    self.said = self.said if len(self.said) > PRINTED else self.said + data
                else:
                    buffers[fd] = self._lines(buffers[fd] + data, len(data))
        return None

    def _lines(self, data: bytes, fresh: int) -> bytes:
        self.heard += fresh
        if self.heard > TALK or len(data) > LINE:
            return b""  # 话太多：后面的不听了
        *lines, rest = data.split(b"\n")
        for line in lines:
            try:
                self._hear(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue  # 不是约定的话：当作没有说
        return rest

    def _hear(self, message: dict[str, Any]) -> None:
        with self.changed:
            match message:
                case {"call": dict(call)}:
                    self._note(call)
                case {"pid": int(pid)} if not self.pid:
                    self.pid = pid
                case {"ready": True, "troubles": dict(troubles)} if not self.ready:
                    self.ready, self.troubles = True, self._troubles(troubles)
                case {"listening": True}:
                    self.ready = True
                case {"stands": list(stands)}:
                    self.stands = [place(s) for s in stands[:8] if isinstance(s, dict)]
                case {"returned": value} if not self.over:
                    self._settle("returned", thaw(value))
                case {"raised": dict(what)} if not self.over:
                    self._settle("raised", trouble(what))
                case {"missing": str(), "troubles": dict(troubles)} if not self.over:
                    self.troubles = self._troubles(troubles)
                    self._settle("missing", None)
                case {"unprepared": dict(what)} if not self.over:
                    self._settle("unprepared", trouble(what))
            self.changed.notify_all()

    def _settle(self, kind: str, value: Any) -> None:
        self.outcome, self.over, self.ready = (kind, value), True, True

    def _finish(self) -> None:
        with self.changed:
            self.over = self.ready = True
            self.changed.notify_all()

    @staticmethod
    def _troubles(told: dict[str, Any]) -> dict[str, Any]:
        return {cell: trouble(what) for cell, what in told.items() if isinstance(what, dict)}

    def _note(self, call: dict[str, Any]) -> None:
        number, now = whole(call.get("number")), time.monotonic_ns()
        if number is not None and (number in self.calls or len(self.calls) < 400):
            times = {n: whole(call[n], now) for n in ("t", "end") if n in call}
            texts = {n: clean(call[n]) for n in ("thread", "socket", "name", "args", "result") if n in call}
            error = {"errno": whole(call.get("errno")), "error": clean(call["error"])} if call.get("error") else {}
            known = self.calls.get(number, {})
            self.calls = self.calls | {number: known | times | texts | error}  # 别的线程也许正在看旧的那一份

    # ------------------------------------------------------------ 问它

    def where(self, patience: Callable[[float], Any]) -> list[dict[str, Any]]:
        """它此刻停在答题格的哪几行；答不上来则为空。"""
        self.stands = None
        self._tell(b"where\n")
        with self.changed:
            self.changed.wait_for(lambda: self.stands is not None or (self.over and self.outcome[0] == "left"),
                                  patience(0.5))
        return self.stands or []

    def dismiss(self) -> None:
        """叫它走：它一走，没有关的套接字由内核来关。"""
        self.program.stdin.close()

    @property
    def killer(self) -> str:
        """结束它的信号，一句话；不是被信号结束的则为空。沙箱里的经 bubblewrap 转告，写成 128 加信号。"""
        if not self.over or self.outcome[0] != "left":
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.program.wait(0.5)  # 管道到了头，退出码跟着就来
        code = self.program.returncode
        number = code - 128 if code and code > 128 else -code if code and code < 0 else 0
        why = SIGNALS.get(number)
        return f"你的进程被 {signal.Signals(number).name} 结束了：{why}" if why else ""

    def end(self) -> None:
        """结束，不管它愿不愿意。"""
        self.launcher.end(self)
        os.eventfd_write(self.bell, 1)
        self.listener.join()
        for fd in (self.out, self.err, self.bell):
            os.close(fd)

    # ------------------------------------------------------------ 它说它做过的调用

    @property
    def sockets(self) -> int:
        """它说过自己有几个套接字。"""
        return len({c["socket"] for c in self.calls.values() if LABEL.match(c.get("socket", ""))})

    def told_calls(self, origin: int, earlier: int = 0) -> list[Call]:
        """学生一侧的系统调用，按它自己的说法；只用来画图。``earlier`` 是同一台主机上别的进程已经有的套接字。"""
        made = [self._call(c, origin) for _, c in sorted(self.calls.items())]
        return [replace(c, socket=_after(earlier, c.socket), result=_after(earlier, c.result or "") or None)
                for c in made if c is not None]

    def _call(self, told: dict[str, Any], origin: int) -> Call | None:
        t, end = told.get("t"), told.get("end")
        if t is None or t < origin or (end or t) < t:
            return None
        error = None
        if told.get("error"):
            error = errno.errorcode.get(told["errno"]) or ("timeout" if told["error"] == "TimeoutError" else told["error"])
        return Call(t=t - origin, end=None if end is None else end - origin, host=self.host.name,
                    thread=told.get("thread") or "main", socket=told.get("socket", ""), name=told.get("name", "?"),
                    args=told.get("args", ""), result=told.get("result") or None, errno=error)


def _after(earlier: int, text: str) -> str:
    """套接字的编号接着 ``earlier`` 往下数；accept 的结果也以编号开头。"""
    return LABEL.sub(lambda found: f"s{int(found[1]) + earlier}", text)


def clean(text: object) -> str:
    """别人说的话：只留看得见的字，不长。"""
    return "".join(c if c.isprintable() else "·" for c in str(text)[:SHORT])
