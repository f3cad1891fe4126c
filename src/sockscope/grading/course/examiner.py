"""此刻的考官是谁：哪一版、源码的摘要、在哪个内核和哪个 Python 上。每次批改都记一份，“考官变了”才有凭据。"""

from __future__ import annotations

import functools
import hashlib
import platform
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sockscope.grading.exam.lab import Lab
from sockscope.places import PACKAGE

__all__ = ["PARTS", "examiner"]

PARTS = {"examiner": "考官", "instrument": "仪器（牢房与网线）", "kernel": "内核", "python": "Python", "version": "sockscope"}
"""记下的各样 → 给人看的名字。"""
ROOMS = ("grading/jail", "live", "trace")
BORROWED = re.compile(r"^from sockscope\.grading\.labs\.(\w+) import", re.MULTILINE)


def examiner(lab: Lab) -> dict[str, str]:
    """``PARTS`` 里的各样。``examiner`` 是这个练习的检查与 ``exam/`` 的摘要，``instrument`` 是牢房和网线的。"""
    return dict(_examiner(lab.name))


@functools.cache
def _examiner(lab: str) -> dict[str, str]:
    return {"examiner": digest([*modules(lab), *_sources(PACKAGE / "grading" / "exam")]),
            "instrument": digest(path for room in ROOMS for path in _sources(PACKAGE / room)),
            "kernel": platform.release(), "python": platform.python_version(), "version": _version()}

def _version() -> str:
    try:
        return version("sockscope")
    except PackageNotFoundError:  # 没有安装，从源码树里运行
        return "0"



def modules(lab: str) -> Iterator[Path]:
    """这个练习的检查写在哪几个文件里：它自己，和它从别的练习借来的。"""
    waiting, seen = [lab], set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            path = PACKAGE / "grading" / "labs" / f"{name}.py"
            waiting += BORROWED.findall(path.read_text(encoding="utf-8"))
            yield path


def _sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def digest(paths: Iterable[Path]) -> str:
    """几个文件合起来的摘要：名字和内容都算。"""
    found = hashlib.sha256()
    for path in paths:
        found.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]
