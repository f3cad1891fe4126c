"""答卷之间：similar。"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sockscope.grading.commands import Commands, command, opened

__all__ = ["add"]


def add(commands: Commands) -> None:
    parser = command(commands, "similar", _similar, "哪些答卷相像，像在哪里：两两比较，并排写成一页")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("--with", dest="archives", nargs="+", type=Path, default=[], metavar="文件夹",
                        help="也与这些比：别的课、往年的课的文件夹，或放着从前答卷的文件夹、zip；它们之间不比")
    parser.add_argument("--at-least", type=int, default=60, metavar="百分比", help="列出不低于它的几对，缺省 60")


def _similar(asked: argparse.Namespace) -> int:
    from sockscope.grading.course.groups import teams
    from sockscope.grading.course.similar import MARKED, compare, missing
    from sockscope.grading.course.similar_page import page

    if said := missing():
        print(said, file=sys.stderr)
        return 1
    if not 1 <= asked.at_least <= 100:
        raise ValueError("--at-least 是 1 到 100 的百分比。")
    course, lab = opened(asked)
    team = {student: one.name for one in teams(course, lab, course.papers(lab), {}) for student in one.papers}
    least = asked.at_least / 100
    likeness = compare(course, lab, asked.archives, least,
                       lambda one, other: one in team and team[one] == team.get(other))
    print(page(course, lab, likeness, least))
    pairs = likeness.told["pairs"]
    print(f"比了 {sum(likeness.told['bins'])} 对，一半不高于 {likeness.told['median']:.0%}；"
          f"不低于 {asked.at_least}% 的有 {len(pairs)} 对" + (f"，页上列了最像的 {MARKED} 对。" if len(pairs) > MARKED else "。"))
    return 0
