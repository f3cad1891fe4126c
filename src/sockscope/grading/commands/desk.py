"""desk：教师的桌面。"""

from __future__ import annotations

import argparse
import sys

from sockscope.grading.commands import Commands, command
from sockscope.grading.course.course import Course
from sockscope.terminal import lacking

__all__ = ["add"]


def add(commands: Commands) -> None:
    parser = command(commands, "desk", _desk, "在浏览器的一页里做这些事：只听本机，别人打不开")
    parser.add_argument("--port", type=int, default=0, metavar="端口", help="缺省由系统挑一个")
    parser.add_argument("--no-browser", action="store_true", help="不打开浏览器，只印出地址")


def _desk(asked: argparse.Namespace) -> int:
    if said := lacking("grading", "tornado"):
        print(f"桌面要用的{said}", file=sys.stderr)
        return 1
    from sockscope.grading.__main__ import parser
    from sockscope.grading.commands import tighten
    from sockscope.grading.desk.server import serve

    course = Course(asked.course)
    tighten(course)
    course.create()
    try:
        serve(course, parser(), asked.port, not asked.no_browser)
    except OSError as error:
        print(f"端口 {asked.port} 用不了：{error.strerror}。换一个，或者不写 --port。", file=sys.stderr)
        return 1
    return 0
