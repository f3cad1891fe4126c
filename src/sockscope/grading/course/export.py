"""成绩表：Canvas、Moodle 和电子表格认得的 CSV。书面题还没有看完的，总分留空，不当零分。"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sockscope.grading.course import gradebook
from sockscope.grading.course.course import Course, write
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.layouts import LAYOUTS, Person
from sockscope.grading.course.roster import Member, Roster
from sockscope.grading.exam.lab import Lab

__all__ = ["Line", "export", "lines", "plain"]

ID = re.compile(r"(?P<name>.+)_(?P<id>\d+)")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BOM = "﻿"


@dataclass(frozen=True)
class Line:
    """一个学生的一行。``total`` 为 None：还有书面题没有看。"""

    student: str
    auto: float
    written: dict[str, float | None]
    late: bool
    name: str = ""
    id: str = ""
    member: Member | None = None

    @property
    def total(self) -> float | None:
        given = [s for s in self.written.values() if s is not None]
        return self.auto + sum(given) if len(given) == len(self.written) else None


def lines(course: Course, lab: Lab) -> list[Line]:
    """每个批过的学生一行；教师在成绩库里改过的自动分，以改过的为准。"""
    manual, names, found = gradebook.manual_scores(course, lab), course.written(lab), []
    papers = course.papers(lab)
    listed = _listed(course, papers)
    for student, paper in papers.items():
        result = course.result(lab.name, student)
        if result is None:
            continue
        given = manual.get(student, {})
        auto = sum(v.earned if (own := given.get(v.check.partition(".")[2])) is None else own
                   for v in course.verdicts(result))
        found.append(Line(student, auto, {n: given.get(n) for n in names}, paper.late,
                          *_as_written(paper), listed.get(student)))
    return found


def _as_written(paper: Paper) -> tuple[str, str]:
    """平台写的名字和号；从前收下的没有记，从文件名里猜。"""
    if paper.owner:
        return paper.name or paper.owner, paper.id
    found = ID.fullmatch(paper.student)
    return (found["name"].replace("_", " "), found["id"]) if found else (paper.student, "")


def _listed(course: Course, papers: dict[str, Paper]) -> dict[str, Member]:
    """名单上的人；没有名单，或说不准是谁的，不在里面。"""
    roster = Roster.of(course)
    found = {}
    for student, paper in papers.items() if roster else ():
        layout = LAYOUTS.get(paper.layout, LAYOUTS["hand"])
        members = roster.find(Person(paper.owner or student, paper.name, paper.id), layout) if roster else []
        if len(members) == 1:
            found[student] = members[0]
    return found


def plain(text: object) -> str:
    """电子表格里的一格文字：开头像公式的，前面加一个撇号。"""
    text = "" if text is None else f"{text:g}" if isinstance(text, float) else str(text)
    return f"'{text}" if text.startswith(FORMULA) else text


def export(course: Course, lab: Lab) -> list[Path]:
    """写三份 CSV，返回路径。"""
    rows, folder = lines(course, lab), course.root / "export" / lab.name
    title = f"{lab.name} {lab.title}"
    most = lab.points + sum(course.written(lab).values())
    tables: dict[str, list[Sequence[object]]] = {
        "canvas.csv": [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title],
                       ["    Points Possible", "", "", "", "", most],
                       *([*canvas_row(r), r.total] for r in rows)],
        "moodle.csv": [["Identifier", "Full name", "Grade", "Maximum Grade"],
                       *([*moodle_row(r), r.total, most] for r in rows)],
        "spreadsheet.csv": [["学生", "号", "自动分", *course.written(lab), "总分", "满分", "迟交"],
                            *([*person_row(r), r.auto, *r.written.values(), r.total, most, "是" if r.late else ""]
                              for r in rows)],
    }
    for file, table in tables.items():
        write(folder / file, (BOM if file == "spreadsheet.csv" else "") + text_of(table))
    return [folder / file for file in tables]


def canvas_row(line: Line) -> list[str]:
    """Canvas 的前五列。名单是 Canvas 自己的成绩册时，照它写的；否则只有文件名里的名字和号。"""
    if line.member is None:
        return [line.name, line.id, "", "", ""]
    ids = line.member.ids
    return [line.member.name, ids.get("canvas", line.id), ids.get("number", ""), ids.get("username", ""), ""]


def moodle_row(line: Line) -> list[str]:
    """Moodle 评分工作表的前两列。"""
    number = (line.member and line.member.ids.get("participant")) or line.id
    name = line.member.name if line.member else line.name
    return [f"Participant {number}" if number else name, name]


def person_row(line: Line) -> list[str]:
    """电子表格里的名字和号：有名单就用名单上的学号。"""
    ids = line.member.ids if line.member else {}
    return [line.member.name or line.name if line.member else line.name, ids.get("number") or ids.get("username") or line.id]


def text_of(table: list[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[plain(cell) for cell in row] for row in table])
    return text.getvalue()
