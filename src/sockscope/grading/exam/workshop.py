"""把一格 C 送去编译：在哪里编由 ``Launcher`` 定（批改时是另一间牢房），同一格只编一次。

编译不过，先看这台机器编不编得了别的：编不了就不是学生的错，抛 ``Unavailable``。
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sockscope.grading.exam.c_answer import text_of
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.student import Launcher, Student
from sockscope.grading.exam.waiting import SLICE, Clock
from sockscope.live import Host, Unavailable
from sockscope.live.compiler import REMEDY, compiler
from sockscope.live.folder import new_folder, remove_folder

__all__ = ["LOADER", "Built", "built", "headers", "remarks", "trouble_in"]

PROGRAM = Path(__file__).with_name("cc.py")
LOADER = Path(__file__).with_name("c_loader.py").read_text(encoding="utf-8") + """
native = opened(library, path)
"""
LONGEST = 30.0  # 编译一格最久，秒；占处理器的时间另有上限（sandbox.py），短得多
KEPT = 64  # 记住最近编过的多少格
EXCEEDED = "编译器没有编完：超出了时间、内存或磁盘的上限"
REMARK = re.compile(r"^(?:.*/)?([^/:\n]+):(\d+):(?:\d+:)? (?:fatal )?(error|warning|note): (.*?)(?: \[-W[^]\s]*\])?$",
                    re.MULTILINE)
SOURCE = re.compile(r"^[^\s:]+:(?:\d+:)* *")  # 一行开头的“谁说的”：临时文件的名字对学生没有用
PROBE = "probe", "int probe(void) { return 0; }\n"

_kept: dict[tuple[type, str, str, str], Built] = {}


@dataclass(frozen=True)
class Built:
    """一格编出来的：共享库，或者 ``trouble``（写法与 ``runner.describe`` 的相同）。"""

    library: bytes
    trouble: dict[str, Any] | None = None


def headers(lab: Lab) -> list[tuple[str, str]]:
    """这个练习的头文件：名字与全文。"""
    return [(f"{lab.name}.h", f"#pragma once\n{lab.in_c.header}")] if lab.in_c else []


def built(host: Host, launcher: Launcher, lab: Lab, cell: str, source: str) -> Built:
    """编译一格。没有编译器、没有系统的头文件，都是 ``Unavailable``。"""
    if lab.in_c is None or cell not in lab.in_c.adapters:
        return Built(b"", {"type": "不收 C", "text": "这一格要用 Python 写", "cell": cell, "line": 1})
    key = type(launcher), lab.name, cell, source
    if key not in _kept:
        made = compile_in(host, launcher, lab, cell, text_of(source))
        if not made.library:
            require_compiler(host, launcher, lab)
        while len(_kept) >= KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = made
    return _kept[key]


def require_compiler(host: Host, launcher: Launcher, lab: Lab) -> None:
    """这台机器编不编得了一个什么也不做、只用头文件的程序；编不了抛 ``Unavailable``。"""
    key = type(launcher), lab.name, *PROBE
    if key not in _kept:
        probed = compile_in(host, launcher, lab, *PROBE)
        if probed.trouble:
            raise Unavailable(f"这台机器的 C 编译器编不了最小的程序（{probed.trouble['text']}）。{REMEDY}")
        _kept[key] = probed


def compile_in(host: Host, launcher: Launcher, lab: Lab, cell: str, text: str) -> Built:
    """在 ``launcher`` 的作坊里编译一遍。"""
    task = {"program": PROGRAM.read_text(encoding="utf-8"), "cc": os.path.realpath(compiler()), "cell": cell, "text": text,
            "headers": headers(lab), "packages": [], "bytecode": None, "fresh": False}
    folder = new_folder()
    try:
        student = Student(host, launcher, task, f"cc {cell}.c", folder, compiling=True)
        try:
            return told_by(student, cell, text)
        finally:
            student.end()
    finally:
        remove_folder(folder)


def told_by(student: Student, cell: str, text: str) -> Built:
    clock = Clock(LONGEST)
    while not student.over and not clock.over():
        with student.changed:
            student.changed.wait_for(lambda: student.over, SLICE)
    match student.outcome:
        case ("returned", (bytes(library), str(said))):
            return Built(library) if library else Built(b"", trouble_in(said, cell, text))
    return Built(b"", {"type": "编译不过", "text": EXCEEDED, "cell": cell, "line": 0})


def trouble_in(said: str, cell: str, text: str) -> dict[str, Any]:
    """编译器的第一个错误，在这一格的第几行。错在头文件里的（原型不合），看它接着提到这一格的哪一行。"""
    found = remarks(said, cell, text)
    wrong = [n for n, (_, kind, _) in enumerate(found) if kind == "error"]
    if wrong:
        return {"type": "编译器说", "text": found[wrong[0]][2], "cell": cell,
                "line": next((line for line, _, _ in found[wrong[0]:] if line), 0)}
    killed = not said.strip() or "fatal error: Killed" in said or "terminated program" in said
    words = EXCEEDED if killed else SOURCE.sub("", said.strip().splitlines()[-1])
    return {"type": "编译不过", "text": words, "cell": cell, "line": 0}


def remarks(said: str, cell: str, text: str) -> list[tuple[int, str, str]]:
    """编译器的话：``(第几行, error 或 warning 或 note, 原话)``；不在这一格里的，行号为 0。"""
    last = max(1, text.rstrip().count("\n") + 1)
    return [(min(int(line), last) if file == f"{cell}.c" else 0, kind, words)
            for file, line, kind, words in REMARK.findall(said)]
