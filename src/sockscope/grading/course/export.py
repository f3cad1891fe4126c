"""成绩表：Canvas、Moodle 和电子表格认得的 CSV。书面题还没有看完的，总分留空，不当零分。

最稳的是填平台自己导出的表（``fill``）；这里的几份是平台还没有表时用的。平台怎样读它们：

- ``canvas.csv``：Canvas 的 ``lib/gradebook_importer.rb`` 要开头是 ``Student``、``ID``，``Section`` 收尾；人先看 ``ID``（Canvas
  自己的号），再看 SIS 的两个号，最后才看名字。列没有 ``(号)``，就找标题一字不差的作业，没有就问你要不要新建。空格也算要改。
- ``moodle.csv``：Moodle 的 ``mod/assign/feedback/offline/importgradeslib.php`` 要 ``Identifier``、``Grade``、
  ``Last modified (grade)`` 三列，表头随界面的语言，这份是英文的；人只看标识符里的号。修改时刻空着，
  已有成绩记录的就要在上传时勾“允许更新”。
- 像公式的格子前面加一个撇号：三份都可能被人双击打开。撇号只会落在名字上，而名字是平台最后才看的。
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from sockscope.grading.course.course import Course, write
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.layouts import LAYOUTS
from sockscope.grading.course.standing import Line, lines
from sockscope.grading.exam.lab import Lab

__all__ = ["Line", "export", "lines", "plain", "unknown"]

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BOM = "﻿"


def plain(text: object) -> str:
    """电子表格里的一格文字：开头像公式的，前面加一个撇号。"""
    text = "" if text is None else f"{text:g}" if isinstance(text, float) else str(text)
    return f"'{text}" if text.startswith(FORMULA) else text


def export(course: Course, lab: Lab) -> list[Path]:
    """写三份 CSV，返回路径。"""
    rows, folder = lines(course, lab), course.root / "export" / lab.name
    ids = numbers(course, lab, rows)
    title = f"{lab.name} {lab.title}"
    most = sum(course.points(lab).values())
    tables: dict[str, list[Sequence[object]]] = {
        "canvas.csv": [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title],
                       ["    Points Possible", "", "", "", "", most],
                       *([*canvas_row(r, ids[r.student]), r.total] for r in rows)],
        "moodle.csv": [["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"],
                       *([*moodle_row(r, ids[r.student]), r.total, most, ""] for r in rows)],
        "spreadsheet.csv": [["学生", "号", "组", "自动分", *course.written(lab), "迟交", "扣分", "总分", "满分", "要问的"],
                            *([*person_row(r), r.team, r.auto, *r.written.values(), str(r.lateness), taken(r), r.total, most,
                               r.question] for r in rows)],
    }
    for file, table in tables.items():
        write(folder / file, (BOM if file == "spreadsheet.csv" else "") + text_of(table))
    return [folder / file for file in tables]


def taken(line: Line) -> float | None:
    """迟交扣的分；没有扣，或者总分还说不准，为 None。"""
    return line.deducted or None if line.total is not None else None


def numbers(course: Course, lab: Lab, rows: Sequence[Line]) -> dict[str, dict[str, str]]:
    """学生 → 号的种类 → 号。平台写在文件名里的号只当那个平台的：别的平台上，它也许是另一个人的。"""
    papers = course.papers(lab)
    return {line.student: _numbers(line, papers.get(line.student)) for line in rows}


def _numbers(line: Line, paper: Paper | None) -> dict[str, str]:
    listed = dict(line.member.ids) if line.member else {}
    if paper is None or not line.id:
        return listed
    if paper.layout not in LAYOUTS:  # 从前收下的没有记布局：不是 Canvas 就是 Moodle
        return {"canvas": line.id, "participant": line.id} | listed
    kinds = LAYOUTS[paper.layout].ids
    return listed | ({kinds[0]: line.id} if len(kinds) == 1 else {})


def canvas_row(line: Line, ids: dict[str, str]) -> list[str]:
    """Canvas 的前五列。``ID`` 只写 Canvas 自己的号。"""
    name = line.member.name if line.member else line.name
    return [name, ids.get("canvas", ""), ids.get("number", ""), ids.get("username", ""), ""]


def moodle_row(line: Line, ids: dict[str, str]) -> list[str]:
    """Moodle 评分工作表的前两列。"""
    name = line.member.name if line.member else line.name
    return [f"Participant {ids['participant']}" if "participant" in ids else "", name]


def unknown(course: Course, lab: Lab) -> dict[str, list[str]]:
    """平台的表 → 里面没有平台认得的号的人。"""
    rows = lines(course, lab)
    ids = numbers(course, lab, rows)
    asked = {"canvas.csv": ("canvas", "number", "username"), "moodle.csv": ("participant",)}
    return {file: [line.member.who if line.member else line.name or line.student for line in rows
                   if not any((own := ids[line.student].get(kind, "")) and plain(own) == own for kind in kinds)]
            for file, kinds in asked.items()}


def person_row(line: Line) -> list[str]:
    """电子表格里的名字和号：有名单就用名单上的学号。"""
    ids = line.member.ids if line.member else {}
    return [line.member.name or line.name if line.member else line.name, ids.get("number") or ids.get("username") or line.id]


def text_of(table: list[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[plain(cell) for cell in row] for row in table])
    return text.getvalue()
