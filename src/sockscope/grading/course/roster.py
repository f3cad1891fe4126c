"""名单：应当有谁。平台导出的成绩单、参与者、评分工作表，或者自己写的 CSV，都读得懂。

认列看表头，不看第几列：表头可以在前面十行里（雨课堂的第一行是标题）。编码认 UTF-8（有没有 BOM 都行）、
UTF-16（Blackboard 的 .xls 其实是用制表符分开的 UTF-16 文字）和 GB18030；分隔认逗号、制表符、分号。
Canvas 的表头见它的成绩册导出，Moodle 的见评分工作表（``Identifier``、``Full name``）与参与者下载，
Blackboard 的是 ``Last Name``、``First Name``、``Username``、``Student ID``；学习通与雨课堂的是 ``学号``、``姓名``。
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sockscope.grading.course.course import Course, write
from sockscope.grading.course.layouts import Layout, Person
from sockscope.grading.course.names import alike, skeleton

__all__ = ["Member", "Roster"]

HEADS = {
    "number": {"学号", "学生学号", "学号/工号", "学工号", "学生编号", "student id", "student number", "id number", "idnumber",
               "sis user id"},
    "name": {"姓名", "学生姓名", "全名", "student", "name", "full name", "fullname", "student name"},
    "last": {"姓", "姓氏", "last name", "surname"},
    "first": {"名", "名字", "first name", "given name"},
    "username": {"用户名", "登录名", "账号", "帐号", "username", "user name", "sis login id", "login id"},
    "email": {"邮箱", "电子邮件", "电子邮件地址", "邮件地址", "email", "e-mail", "email address"},
    "participant": {"identifier", "标识符", "编号"},
    "canvas": {"canvas id"},
}
KIND = {head: kind for kind, heads in HEADS.items() for head in heads}
CANVAS = {"sis user id", "sis login id", "section"}  # 与它们同在时，ID 一列是 Canvas 自己的号
LARGEST = 16 << 20
BINARY = {b"PK\3\4": "xlsx", b"\xd0\xcf\x11\xe0": "xls"}


@dataclass(frozen=True)
class Member:
    """名单上的一个人：``name`` 照名单写的；``ids`` 是 列的种类 → 号；``spellings`` 是姓和名的几种接法。"""

    name: str
    ids: dict[str, str] = field(default_factory=dict)
    spellings: frozenset[str] = frozenset()

    @property
    def who(self) -> str:
        number = next((self.ids[k] for k in ("number", "username", "canvas", "participant", "email") if k in self.ids), "")
        return f"{self.name}（{number}）" if self.name and number else self.name or number


class Roster:
    """一份名单。``text`` 是它的原文；读不懂抛 ``ValueError``，说明缺什么。"""

    def __init__(self, text: str) -> None:
        self.text = text
        self.members = _members(text)
        if not self.members:
            raise ValueError("名单里一个人也没有。")

    @classmethod
    def read(cls, path: Path) -> Roster:
        """读一个文件；``ValueError`` 说明它为什么不是名单。"""
        try:
            with open(path, "rb") as file:
                data = file.read(LARGEST + 1)
        except OSError:
            raise ValueError(f"名单 {path} 打不开：要给一个 CSV 文件，看看路径写得对不对。") from None
        if kind := next((kind for head, kind in BINARY.items() if data.startswith(head)), ""):
            raise ValueError(f"{path.name} 是 {kind} 工作簿。在电子表格里把它另存为 CSV，再给我。")
        if len(data) > LARGEST:
            raise ValueError(f"{path.name} 太大（上限 {LARGEST >> 20} MB），不像一份名单。")
        return cls(decoded(data))

    @classmethod
    def of(cls, course: Course) -> Roster | None:
        """课程文件夹里存着的名单；没有则为 None。"""
        path = course.root / "roster.csv"
        return cls(path.read_text(encoding="utf-8")) if path.exists() else None

    def keep(self, course: Course) -> None:
        """存进课程文件夹，只有自己读得了。"""
        write(course.root / "roster.csv", self.text)

    def alike(self) -> list[str]:
        """名单上看上去一样的人。"""
        return alike(m.name for m in self.members if m.name)

    def find(self, person: Person, layout: Layout) -> list[Member]:
        """这个人可能是名单上的谁：恰好一个才算认出来。先看号，只看同一种号；没有对上再看名字，一字不差，号不许相反。"""
        if person.id and (found := [m for m in self.members if any(m.ids.get(k) == person.id for k in layout.ids)]):
            return found
        if layout.name == "canvas":
            return [m for m in self.members if any(skeleton(s) == skeleton(person.name) for s in {m.name, *m.spellings} if s)]
        words = [person.name or person.text]
        if layout.name == "hand":
            words += re.split(r"[\s_\-]+", person.text)
        if layout.name == "hand" and (found := [m for m in self.members if any(m.ids.get(k) in words for k in layout.ids)]):
            return found
        numbers = {w for w in (*words, person.id) if re.search(r"\d{5}", w)} if layout.name != "moodle" else set()
        return [m for m in self.members if any(w and w in {m.name, *m.spellings} for w in words)
                and not (numbers and any(m.ids.get(k, min(numbers)) not in numbers for k in layout.ids))]

    def missing(self, found: Iterable[Member]) -> list[Member]:
        """名单上有、却没有交的。"""
        here = {id(m) for m in found}
        return [m for m in self.members if id(m) not in here]


def decoded(data: bytes) -> str:
    """名单的原文。BOM 说了算；没有 BOM 时，一半是 NUL 的是 UTF-16，再试 UTF-8，最后是 GB18030。"""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif data[1:200:2].count(0) > len(data[1:200:2]) // 2:
        encodings = ["utf-16-le"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("名单的编码认不出来。另存为 UTF-8 的 CSV，再给我。")


def _members(text: str) -> list[Member]:
    for delimiter in ",\t;":
        try:
            rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
        except csv.Error:
            continue
        for number, row in enumerate(rows[:10]):
            kinds = _kinds(row)
            if "name" in kinds or {"last", "first"} <= set(kinds) or ("number" in kinds and len(row) == 1):
                return _distinct(made for other in rows[number + 1:] if (made := _member(kinds, other)))
    raise ValueError("名单里没有找到表头：要有“姓名”（或 Student、Full name、Last Name 与 First Name）一列，最好还有“学号”一列。")


def _kinds(row: list[str]) -> list[str]:
    heads = [" ".join(cell.strip("﻿").casefold().split()) for cell in row]
    own = "canvas" if CANVAS & set(heads) else "number"
    return [own if head == "id" else KIND.get(head, "") for head in heads]


def _member(kinds: list[str], row: list[str]) -> Member | None:
    told: dict[str, str] = {}
    for kind, cell in zip(kinds, row, strict=False):
        if kind and cell and kind not in told:
            told[kind] = cell
    if "participant" in told:
        told["participant"] = re.sub(r"^\D+", "", told["participant"])
    last, first = told.pop("last", ""), told.pop("first", "")
    name = told.pop("name", "") or _joined(last, first)
    if name in ("Points Possible", "Student, Test") or not (name or told):
        return None
    spellings = {f"{last}{first}", f"{first} {last}", f"{last} {first}", f"{last}, {first}"} if last and first else set()
    if len(halves := name.split(", ")) == 2:
        spellings |= {f"{halves[1]} {halves[0]}", f"{halves[0]}{halves[1]}"}
    return Member(name, told, frozenset(spellings))


def _joined(last: str, first: str) -> str:
    return f"{last}{first}" if not (last + first).isascii() else f"{first} {last}".strip()


def _distinct(members: Iterable[Member]) -> list[Member]:
    """同一行写了两遍的算一个（教学班重叠时会有）。"""
    found: list[Member] = []
    for member in members:
        if member not in found:
            found.append(member)
    return found
