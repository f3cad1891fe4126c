"""教师的命令：一个文件一组，各自登记（``add``）。``asked`` 是解析好的命令行。"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from sockscope.grading.course.course import Course
from sockscope.grading.course.names import printable
from sockscope.grading.exam.lab import Lab, find_lab
from sockscope.terminal import Parser

__all__ = ["Commands", "command", "course_of", "opened", "students", "tighten"]

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Parser]
else:
    Commands = argparse._SubParsersAction


def command(commands: Commands, name: str, run: Callable[[argparse.Namespace], int | None], told: str) -> Parser:
    """登记一个命令，返回它的解析器。"""
    made = commands.add_parser(name, help=told, description=told + "。")
    made.set_defaults(command=run)
    return made


def opened(asked: argparse.Namespace) -> tuple[Course, Lab]:
    lab = find_lab(asked.lab)
    return course_of(asked), lab


def course_of(asked: argparse.Namespace) -> Course:
    course = Course(asked.course).require()
    tighten(course)
    course.create()
    return course


def tighten(course: Course) -> None:
    if said := course.tightened():
        print(said, file=sys.stderr)


def students(course: Course, lab: Lab, words: list[str]) -> list[str]:
    """命令行上的学生：文件名里的名字，或者平台写的名字、号、全部；同名的要写号。"""
    if not words:
        return []
    papers, chosen = course.papers(lab), []
    for word in words:
        found = [s for s, p in papers.items() if word in (p.owner, p.id, p.name)]
        if word not in papers and len(found) > 1:
            raise ValueError(f"叫 {printable(word)} 的不止一个：{'、'.join(found)}。写其中的一个。")
        chosen.append(found[0] if word not in papers and found else word)
    return chosen
