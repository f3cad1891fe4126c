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

    @property
    def total(self) -> float | None:
        given = [s for s in self.written.values() if s is not None]
        return self.auto + sum(given) if len(given) == len(self.written) else None


def lines(course: Course, lab: Lab) -> list[Line]:
    """每个批过的学生一行；教师在成绩库里改过的自动分，以改过的为准。"""
    manual, names, found = gradebook.manual_scores(course, lab), course.written(lab), []
    for student, paper in course.papers(lab).items():
        result = course.result(lab.name, student)
        if result is None:
            continue
        given = manual.get(student, {})
        auto = sum(v.earned if (own := given.get(v.check.partition(".")[2])) is None else own
                   for v in course.verdicts(result))
        found.append(Line(student, auto, {n: given.get(n) for n in names}, paper.late))
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
                       *([name(r), number(r), "", "", "", r.total] for r in rows)],
        "moodle.csv": [["Identifier", "Full name", "Grade", "Maximum Grade"],
                       *([f"Participant {number(r)}" if number(r) else name(r), name(r), r.total, most] for r in rows)],
        "spreadsheet.csv": [["学生", "自动分", *course.written(lab), "总分", "满分", "迟交"],
                            *([r.student, r.auto, *r.written.values(), r.total, most, "是" if r.late else ""] for r in rows)],
    }
    for file, table in tables.items():
        write(folder / file, (BOM if file == "spreadsheet.csv" else "") + text_of(table))
    return [folder / file for file in tables]


def name(line: Line) -> str:
    found = ID.fullmatch(line.student)
    return found["name"].replace("_", " ") if found else line.student


def number(line: Line) -> str:
    found = ID.fullmatch(line.student)
    return found["id"] if found else ""


def text_of(table: list[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[plain(cell) for cell in row] for row in table])
    return text.getvalue()
