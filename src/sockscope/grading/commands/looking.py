"""前后与全局：changes、progress、comments、comment。"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from sockscope.grading.commands import Commands, command, course_of, opened, students
from sockscope.grading.course.course import Course
from sockscope.grading.course.names import printable
from sockscope.grading.exam.lab import Lab

__all__ = ["add"]


def add(commands: Commands) -> None:
    parser = command(commands, "changes", _changes, "重批之后哪些分变了，为什么")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("students", nargs="*", metavar="学生", help="缺省是全部")
    command(commands, "progress", _progress, "全部练习放在一起：每个学生、每项检查、每次批改")
    parser = command(commands, "comments", _comments, "这个练习里用过的评语，编了号")
    parser.add_argument("lab", metavar="练习")
    parser = command(commands, "comment", _comment, "给几个学生写一句评语：新的，或用过的")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("question", metavar="题", help="书面题、答题格或检查的名字")
    parser.add_argument("students", nargs="+", metavar="学生")
    parser.add_argument("--say", metavar="文字", help="评语")
    parser.add_argument("--reuse", type=int, metavar="编号", help="不写 --say，用 comments 里的一句")
    parser.add_argument("--score", type=float, metavar="分", help="连同书面题的分")
    parser.add_argument("--replace", action="store_true", help="已有的评语、分数换成这一句、这个分")


def _changes(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.changes import steps
    from sockscope.grading.course.changes_page import page, text

    course, lab = opened(asked)
    found = steps(course, lab, students(course, lab, asked.students))
    print(text(found, named(course, lab)))
    print(page(course, lab, found, named(course, lab)))


def named(course: Course, lab: Lab) -> Callable[[str], str]:
    """文件名里的名字 → 给人看的。"""
    papers = course.papers(lab)
    return lambda student: papers[student].who


def _progress(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.grade import settle
    from sockscope.grading.course.progress import progress
    from sockscope.grading.exam.lab import labs

    course = course_of(asked)
    for name, lab in labs().items():
        if (course.root / "results" / name).is_dir():
            settle(course, lab)  # 没有这份记录的时候批的，记进去
    print(progress(course))


def _comments(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.comments import used

    course, lab = opened(asked)
    found = used(course, lab)
    for number, one in enumerate(found, 1):
        score = f"，平均 {one.average:.3g} 分" if one.average is not None else ""
        print(f"{number}. {printable(one.cell)}（{one.times} 次{score}）：{printable(one.text)}")
    print(f"{lab.name} 里用过 {len(found)} 句评语。" if found else f"{lab.name} 里还没有写过评语。")


def _comment(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.comments import give, reused

    if (asked.say is None) == (asked.reuse is None):
        raise ValueError("--say 和 --reuse 写一个：新的一句，或者用过的一句的编号。")
    course, lab = opened(asked)
    words = asked.say if asked.reuse is None else reused(course, lab, asked.reuse)
    for line in give(course, lab, asked.question, students(course, lab, asked.students), words, asked.score,
                     replace=asked.replace):
        print(printable(line))
