"""批书面题：written、mark。"""

from __future__ import annotations

import argparse
from pathlib import Path

from sockscope.grading.commands import Commands, command, opened

__all__ = ["add"]


def add(commands: Commands) -> None:
    parser = command(commands, "written", _written, "书面题写成一张表：填上分和评语，再用 mark 读回来")
    parser.add_argument("lab", metavar="练习")
    parser = command(commands, "mark", _mark, "读回填好的表：书面题的分和评语")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("table", type=Path, metavar="表", help="written 写出的那张，填好了的；空着的格子不动")


def _written(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.written import answers, sheet

    course, lab = opened(asked)
    found = answers(course, lab)
    print(sheet(course, lab))
    waiting = sum(answer.score is None for answer in found)
    print(f"{len(found)} 个回答" + (f"，{waiting} 个还没有看。" if waiting else "，都看过了。"))


def _mark(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.grade import abide
    from sockscope.grading.course.written import answers, filled, mark

    course, lab = opened(asked)
    marked = filled(course, lab, asked.table)
    mark(course, lab, marked)
    abide(course, lab)
    waiting = sum(answer.score is None for answer in answers(course, lab))
    print(f"写了 {len(marked)} 个回答的分与评语" + (f"，还有 {waiting} 个没有看。" if waiting else "，都看过了。"))
