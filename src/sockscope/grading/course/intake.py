"""收卷：从一个来历不明的 .ipynb 里只取答题格的文字，别的一概不要、不运行，只在报告里说一声。

认格子靠 nbgrader 的名字；有的平台会把元数据洗掉，那就看第一行的 ``# 答题格：……``。输出、标签、元数据、
多出来的格子都不进批改；笔记本从不用 nbformat 或 nbgrader 打开。
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.selfcheck import MARK

__all__ = ["Paper", "Unreadable", "read"]

FILE = 16 << 20  # 一份文件最大，字节：图存在输出里，可以不小
CELL = 64 << 10  # 一格的文字最大，字节


class Unreadable(ValueError):
    """这个文件当不成答卷。消息是一句中文。"""


@dataclass
class Paper:
    """一个学生的一份答卷：答题格与手写题的文字，和收卷时要说的话。

    ``student`` 是课程文件夹里的文件名（``names.escape``）；``owner`` 是平台写的全部，
    ``name``、``id`` 是其中的名字和号，``layout`` 是哪一种布局；``attempt`` 是交卷的时刻，``timed`` 是平台自己写的。
    """

    student: str
    lab: str
    cells: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    file: str = ""
    late: bool = False
    attempt: str = ""
    owner: str = ""
    name: str = ""
    id: str = ""
    layout: str = ""
    timed: bool = False

    @property
    def who(self) -> str:
        """给人看的：姓名和号；从前收下的答卷没有记，就是文件名里的名字。"""
        return f"{self.name}（{self.id}）" if self.name and self.id else self.name or self.id or self.owner or self.student

    @property
    def digest(self) -> str:
        """内容的摘要：内容没有变，就不必重批。"""
        content = json.dumps([self.lab, self.cells, self.written], sort_keys=True)
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

    def json(self) -> dict[str, Any]:
        return asdict(self)


def read(data: bytes, lab: Lab, written: list[str]) -> Paper:
    """读一份答卷。``written`` 是手写题的名字。读不了抛 ``Unreadable``。"""
    if len(data) > FILE:
        raise Unreadable(f"文件太大（{len(data) >> 20} MB，上限 {FILE >> 20} MB）")
    if not data.strip():
        raise Unreadable("文件是空的")
    try:
        book = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("不是 UTF-8 文字") from None
    except (ValueError, RecursionError):
        raise Unreadable("不是完整的笔记本（JSON 读不下去）") from None
    cells = book.get("cells") if isinstance(book, dict) else None
    if not isinstance(cells, list):
        raise Unreadable("不是笔记本（没有单元格）")
    paper = Paper("", lab.name)
    strangers = 0
    for cell in cells:
        strangers += not _take(cell, paper, lab, written)
    _report(paper, lab, written, strangers)
    return paper


def _take(cell: Any, paper: Paper, lab: Lab, written: list[str]) -> bool:
    """一格：是答题格就收下。返回认不认得它。"""
    if not isinstance(cell, dict):
        return False
    source, name = _text(cell.get("source")), _name(cell)
    kind = cell.get("cell_type")
    if kind == "code" and name not in lab.cells and (found := MARK.match(source)):
        name = found[1]
    shelf = paper.cells if kind == "code" and name in lab.cells else \
        paper.written if kind == "markdown" and name in written else None
    if shelf is None:
        return bool(name)
    if name in shelf:
        paper.notes.append(f"答题格 {name} 出现了不止一次，只取第一个")
    elif len(source.encode("utf-8", "replace")) > CELL:
        paper.notes.append(f"答题格 {name} 太长（超过 {CELL >> 10} KB），没有收")
    else:
        shelf[name] = source.encode("utf-8", "replace").decode()  # 落单的代理字符不进后面的任何文件
    return True


def _name(cell: dict[str, Any]) -> str:
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    return name if isinstance(name, str) else ""


def _text(source: Any) -> str:
    if isinstance(source, str):
        return source
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    return ""


def _report(paper: Paper, lab: Lab, written: list[str], strangers: int) -> None:
    if lacking := [name for name in (*lab.cells, *written) if name not in {**paper.cells, **paper.written}]:
        paper.notes.append(f"缺少{'、'.join(lacking)}")
    if not paper.cells:
        raise Unreadable(f"里面没有 {lab.name} 的答题格，也许交错了文件")
    if strangers > 40:
        paper.notes.append(f"多出 {strangers} 个格子，没有收也没有运行")
