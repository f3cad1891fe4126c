"""评语：这个练习里用过的，编了号；给几个学生写同一句。成绩库就是评语的全部，不另存一份。"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sockscope.grading.course import gradebook
from sockscope.grading.course.course import Course
from sockscope.grading.exam.lab import Lab

__all__ = ["Used", "give", "reused", "used"]

LONGEST = 4000  # 一句评语最长，字


@dataclass(frozen=True)
class Used:
    """用过的一句：``cell`` 是哪一题，``average`` 是同时给的分的平均，一次也没有给过则为 None。"""

    cell: str
    text: str
    times: int
    average: float | None


def used(course: Course, lab: Lab) -> list[Used]:
    """用过的评语，一题一题地列，用得多的在前；写法一样的算一句。"""
    given: dict[tuple[str, str], list[float | None]] = {}
    scores = gradebook.scores(course, lab)
    for student, own in gradebook.comments(course, lab).items():
        for cell, text in own.items():
            given.setdefault((cell, text), []).append(scores.get(student, {}).get(cell, (None, None))[1])
    found = [Used(cell, text, len(marks), _mean([m for m in marks if m is not None])) for (cell, text), marks in given.items()]
    return sorted(found, key=lambda u: (u.cell, -u.times, u.text))


def _mean(marks: list[float]) -> float | None:
    return sum(marks) / len(marks) if marks else None


def reused(course: Course, lab: Lab, number: int) -> str:
    """编号是 ``number`` 的那一句；没有则 ``ValueError``。"""
    found = used(course, lab)
    if not 1 <= number <= len(found):
        raise ValueError(f"{lab.name} 里没有第 {number} 句评语：一共 {len(found)} 句。先看 comments {lab.name}。")
    return found[number - 1].text


def give(course: Course, lab: Lab, cell: str, students: Sequence[str], text: str, score: float | None = None, *,
         replace: bool = False) -> Iterator[str]:
    """写评语，连同书面题的分；一人一句话，说做了什么。有一个人写不成，就谁也不写，抛 ``ValueError``。"""
    target, written = gradebook.commented(lab, cell), course.written(lab)
    if target not in {*lab.cells, *lab.checks, *written}:
        known = "、".join([*written, *lab.cells, *lab.checks])
        raise ValueError(f"{lab.name} 没有叫 {cell!r} 的题；有：{known}。")
    if not text.strip():
        raise ValueError("评语是空的。")
    if len(text) > LONGEST:
        raise ValueError(f"评语有 {len(text)} 个字，太长（上限 {LONGEST}）。")
    if score is not None and cell not in written:
        raise ValueError(f"{cell} 不是书面题，--score 只给书面题；改检查的分，在 formgrader 里改。")
    if score is not None and not 0 <= score <= written[cell]:
        raise ValueError(f"{score:g} 分不行：{cell} 的满分是 {written[cell]:g} 分。")
    _refuse(course, lab, target, students, text, score, replace)
    gradebook.comment(course, lab, target, list(students), text, score)
    for student in dict.fromkeys(students):
        yield f"{student}：写在 {target} 上" + (f"，{score:g} 分" if score is not None else "") + "。"


def _refuse(course: Course, lab: Lab, cell: str, students: Sequence[str], text: str, score: float | None, replace: bool) -> None:
    """已有的不盖掉；还没有批过的，成绩库里没有他。"""
    said, scores = gradebook.comments(course, lab), gradebook.scores(course, lab)
    course.papers(lab, list(students))
    if absent := [s for s in students if s not in scores]:
        raise ValueError(f"{'、'.join(absent)} 的 {lab.name} 还没有批，成绩库里没有。先 grade {lab.name}。")
    for student in () if replace else students:
        if (old := said.get(student, {}).get(cell, "")) not in ("", text):
            raise ValueError(f"{student} 的 {cell} 已经有评语“{old}”，没有动，一个也没有写。要换成这一句，加 --replace。")
        given = scores[student].get(cell, (None, None))[1]
        if score is not None and given not in (None, score):
            raise ValueError(f"{student} 的 {cell} 已经给了 {given:g} 分，没有动，一个也没有写。"
                             f"要换成 {score:g} 分，加 --replace。")
