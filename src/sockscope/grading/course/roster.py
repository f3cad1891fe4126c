"""名单：应当有谁。平台导出的成绩单、参与者、评分工作表，或者自己写的 CSV，都读得懂。

认列看表头，不看第几列：表头可以在前面十行里（雨课堂的第一行是标题）。
Canvas 的表头见它的成绩册导出，Moodle 的见评分工作表（``Identifier``、``Full name``）与参与者下载，
Blackboard 的是 ``Last Name``、``First Name``、``Username``、``Student ID``；学习通与雨课堂的是 ``学号``、``姓名``。
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sockscope.grading.course.course import Course, write
from sockscope.grading.course.layouts import Layout, Person
from sockscope.grading.course.names import alike, skeleton
from sockscope.grading.course.tables import decoded, given, readings

__all__ = ["Member", "Roster"]

HEADS = {
    "number": {"学号", "学生学号", "学号/工号", "学工号", "学生编号", "student id", "student number", "id number", "idnumber",
               "sis user id", "user_id"},
    "name": {"姓名", "学生姓名", "全名", "student", "name", "full name", "fullname", "student name"},
    "last": {"姓", "姓氏", "last name", "surname"},
    "first": {"名", "名字", "first name", "given name"},
    "username": {"用户名", "登录名", "账号", "帐号", "username", "user name", "sis login id", "login id", "login_id"},
    "email": {"邮箱", "电子邮件", "电子邮件地址", "邮件地址", "email", "e-mail", "email address"},
    "participant": {"identifier", "标识符", "编号"},
    "canvas": {"canvas id", "canvas_user_id"},
    "group": {"组", "小组", "组别", "组名", "分组", "group", "groups", "group name", "group_name"},
}
KIND = {head: kind for kind, heads in HEADS.items() for head in heads}
CANVAS = {"sis user id", "sis login id", "section"}  # 与它们同在时，ID 一列是 Canvas 自己的号


@dataclass(frozen=True)
class Member:
    """名单上的一个人：``name`` 照名单写的；``ids`` 是 列的种类 → 号；``spellings`` 是姓和名的几种接法；``group`` 是组。"""

    name: str
    ids: dict[str, str] = field(default_factory=dict)
    spellings: frozenset[str] = frozenset()
    group: str = ""

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
        return cls(decoded(given(path, "一份 CSV 名单")))

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


def _members(text: str) -> list[Member]:
    for _, read in readings(text):
        rows = [[cell.strip() for cell in row] for row in read]
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
    last, first, group = told.pop("last", ""), told.pop("first", ""), told.pop("group", "")
    name = told.pop("name", "") or _joined(last, first)
    if name in ("Points Possible", "Student, Test") or not (name or told):
        return None
    spellings = {f"{last}{first}", f"{first} {last}", f"{last} {first}", f"{last}, {first}"} if last and first else set()
    if len(halves := name.split(", ")) == 2:
        spellings |= {f"{halves[1]} {halves[0]}", f"{halves[0]}{halves[1]}"}
    return Member(name, told, frozenset(spellings), group)


def _joined(last: str, first: str) -> str:
    return f"{last}{first}" if not (last + first).isascii() else f"{first} {last}".strip()


def _distinct(members: Iterable[Member]) -> list[Member]:
    """同一行写了两遍的算一个（教学班重叠时会有）。"""
    found: list[Member] = []
    for member in members:
        if member not in found:
            found.append(member)
    return found
