"""告诉学生、平台和教师自己：feedback、export、summary、formgrader。"""

from __future__ import annotations

import argparse
from pathlib import Path

from sockscope.grading.commands import Commands, command, course_of, opened
from sockscope.grading.course.names import printable
from sockscope.terminal import Parser

__all__ = ["add"]


def add(commands: Commands) -> None:
    for name, run, told in (("feedback", _feedback, "写反馈：一个学生一页"), ("export", _export, "写成绩表"),
                            ("summary", _summary, "写全班的一页")):
        parser = command(commands, name, run, told)
        parser.add_argument("lab", metavar="练习")
        if name == "export":
            _filling(parser)
    command(commands, "formgrader", _formgrader, "打开 nbgrader 的 formgrader：看答卷，批书面题")


def _filling(parser: Parser) -> None:
    parser.add_argument("--fill", type=Path, metavar="平台导出的表", help="只填这张表里这个练习的一列，写成可以导回平台的一份")
    parser.add_argument("--column", default="", metavar="列", help="填哪一列：列名、平台的号，或“第几列”")
    parser.add_argument("--missing", type=_score, metavar="分", help="没有交的人填几分；不写就空着")
    parser.add_argument("--overwrite", action="store_true", help="表里已有的别的分也改")
    parser.add_argument("--scale", action="store_true", help="平台上的满分与我们的不同，按比例换算")


def _score(text: str) -> float:
    if not 0 <= (value := float(text)) < 1e6:
        raise ValueError(text)
    return value


def _feedback(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.feedback import feedback

    course, lab = opened(asked)
    print(f"写了 {len(feedback(course, lab))} 页反馈，在 {course.root / 'feedback'}。")


def _export(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.export import export, lines, unknown
    from sockscope.grading.course.grade import abide

    course, lab = opened(asked)
    if asked.fill is None and (asked.column or asked.missing is not None or asked.overwrite or asked.scale):
        raise ValueError("--column、--missing、--overwrite、--scale 要与 --fill 一起用。")
    abide(course, lab)
    if asked.fill is not None:
        from sockscope.grading.course.fill import fill

        made = fill(course, lab, asked.fill, column=asked.column, missing=asked.missing, overwrite=asked.overwrite,
                    scale=asked.scale)
        print("\n".join(made.said()))
        return
    for path in export(course, lab):
        print(path)
    _told_platforms(unknown(course, lab), f"{lab.name} {lab.title}")
    if waiting := sum(line.total is None for line in lines(course, lab)):
        asked_for = sum(bool(line.question) for line in lines(course, lab))
        print(f"{waiting} 个学生的总分留空：书面题还没有看" + (f"，或者有话要问（{asked_for} 个）。" if asked_for else "。"))


def _told_platforms(unknown: dict[str, list[str]], title: str) -> None:
    """平台拿这两份怎么办。"""
    print("导入平台，最稳的是从平台导出它自己的表，加 --fill 填好再导回去。直接导入上面两份：")
    said = {"canvas.csv": f"Canvas 找标题是“{title}”的作业，没有就问你要不要新建；空着的也算要改",
            "moodle.csv": "Moodle 的界面要是英文的；已有成绩的，上传时勾“允许更新”"}
    for file, people in unknown.items():
        lacking = "要靠名字一字不差" if file == "canvas.csv" else "它会跳过"
        print(f"  {file}：{said[file]}。")
        if people:
            names = "、".join(printable(who) for who in people[:5]) + (" 等" if len(people) > 5 else "")
            print(f"    {len(people)} 个人没有它认得的号，{lacking}：{names}。")


def _summary(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.summary import summary

    print(summary(*opened(asked)))


def _formgrader(asked: argparse.Namespace) -> int:
    import subprocess

    from sockscope.grading.course.formgrader import command, environment
    from sockscope.grading.course.private import MASK

    course = course_of(asked)
    print("打开之后，在菜单 Nbgrader → Formgrader 里。学生写的东西在那里只是文字，不会运行。按 Ctrl + C 结束。", flush=True)
    return subprocess.run(command(), cwd=course.root, env=environment(), umask=MASK).returncode
