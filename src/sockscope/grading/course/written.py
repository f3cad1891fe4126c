"""书面题：一张表，一行一个回答，分和评语填在后面两列，再读回来。电子表格里填，或者在桌面的一页里填。

空着的格子不动成绩库。有一行不对，一行也不写。
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from sockscope.grading.course import gradebook
from sockscope.grading.course.comments import LONGEST
from sockscope.grading.course.course import Course, write
from sockscope.grading.course.export import BOM, FORMULA, plain
from sockscope.grading.course.names import printable
from sockscope.grading.course.tables import decoded, given, readings
from sockscope.grading.exam.lab import Lab

__all__ = ["Answer", "answers", "filled", "mark", "sheet"]

HEADS = ("答卷", "学生", "题", "满分", "回答", "分", "评语")
CELL = 32_000  # 电子表格的一格放不下更多的字
LARGEST = 64 << 20


@dataclass(frozen=True)
class Answer:
    """一个书面回答，和它现在的分与评语；没有看过的，``score`` 为 None。"""

    student: str
    who: str
    question: str
    most: float
    text: str
    score: float | None = None
    comment: str = ""


def answers(course: Course, lab: Lab, question: str = "") -> list[Answer]:
    """批过的答卷里的书面回答，一题一题地列。"""
    given, said = gradebook.manual_scores(course, lab), gradebook.comments(course, lab)
    return [Answer(student, paper.who, name, most, paper.written.get(name, ""), given[student].get(name),
                   said.get(student, {}).get(name, ""))
            for name, most in course.written(lab).items() if question in ("", name)
            for student, paper in course.papers(lab).items() if student in given]


def sheet(course: Course, lab: Lab) -> Path:
    """写成一张表，返回路径。"""
    path = course.root / "export" / lab.name / "written.csv"
    text = io.StringIO()
    rows = [(a.student, printable(a.who), a.question, a.most, a.text[:CELL], a.score, a.comment) for a in answers(course, lab)]
    csv.writer(text, lineterminator="\r\n").writerows([HEADS, *([plain(cell) for cell in row] for row in rows)])
    write(path, BOM + text.getvalue())
    return path


def filled(course: Course, lab: Lab, path: Path) -> list[Answer]:
    """填好的表里与成绩库不同的行。读不懂、有一行不对，抛 ``ValueError``，说出是第几行。"""
    known = {(a.student, a.question): a for a in answers(course, lab)}
    found = []
    for number, row in _rows(path):
        key = _bare(row["答卷"], {s for s, _ in known}), row["题"]
        if key not in known:
            raise ValueError(f"第 {number} 行：没有 {printable(key[0])} 的 {printable(key[1])}。一行也没有写。")
        now = known[key]
        score = _score(row["分"], now, number)
        comment = _bare(row["评语"].strip(), set()) or now.comment
        if len(comment) > LONGEST:
            raise ValueError(f"第 {number} 行：评语有 {len(comment)} 个字，太长（上限 {LONGEST}）。一行也没有写。")
        if (score, comment) != (now.score, now.comment):
            found.append(Answer(now.student, now.who, now.question, now.most, now.text, score, comment))
    return found


def mark(course: Course, lab: Lab, marked: list[Answer]) -> None:
    """写进成绩库：一次写完，断了就一个也没有写。"""
    if marked:
        gradebook.mark(course, lab, {(a.student, a.question): (a.score, a.comment) for a in marked})


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    for _, rows in readings(decoded(given(path, "written 写出的那张表", LARGEST)), LARGEST):
        if rows and {"答卷", "题", "分", "评语"} <= set(rows[0]):
            heads = rows[0]
            return [(n, {h: row[i] if i < len(row) else "" for i, h in enumerate(heads)})
                    for n, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]
    raise ValueError(f"{path.name} 里没有“答卷、题、分、评语”这几列。要给 written 写出的那张表。")


def _bare(text: str, known: set[str]) -> str:
    """电子表格里的撇号是我们加的（``export.plain``），去掉；名字本来就以撇号开头的，照旧。"""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) and text not in known else text


def _score(text: str, now: Answer, number: int) -> float | None:
    if not text.strip():
        return now.score
    try:
        score = float(text.strip().replace("，", ".").replace(",", "."))
    except ValueError:
        raise ValueError(f"第 {number} 行：{printable(text.strip())} 不是分数。一行也没有写。") from None
    if not 0 <= score <= now.most:
        raise ValueError(f"第 {number} 行：{score:g} 分不行，{now.question} 的满分是 {now.most:g} 分。一行也没有写。")
    return score
