"""发出与收回：release、collect、sample。"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from sockscope.grading.commands import Commands, command, opened, tighten
from sockscope.grading.course.course import Course
from sockscope.grading.course.names import printable
from sockscope.grading.exam.lab import find_lab, labs

__all__ = ["add"]


def add(commands: Commands) -> None:
    parser = command(commands, "release", _release, "发布练习：去掉答案，登记分数")
    parser.add_argument("labs", nargs="*", metavar="练习", help="缺省是全部")
    parser = command(commands, "collect", _collect, "收卷：一个文件夹，或平台下载的 zip")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("source", type=Path, metavar="文件夹或zip")
    parser.add_argument("--due", type=datetime.fromisoformat, metavar="时刻",
                        help="截止时刻，如 2026-11-20T23:59；记下来，与命令 due 一样")
    parser.add_argument("--layout", default="", metavar="布局",
                        help="这一批是哪里来的：canvas、moodle、blackboard、chaoxing（学习通）、yuketang（雨课堂）、"
                             "exchange 或 submitted（nbgrader）、hand（手工收的）、"
                             "inside（手工收的，外面包着一层）；缺省自己认，认不准就问")
    parser.add_argument("--take", action="append", default=[], metavar="路径", help="几份里取这一份；可以写几次")
    parser.add_argument("--roster", type=Path, metavar="名单", help="平台导出的名单（CSV）；存进课程文件夹，以后一直用它")
    parser.add_argument("--unknown", choices=["aside", "take"], default="aside", metavar="怎样",
                        help="名单上没有的人：aside 放在一边（缺省），take 照收")
    parser = command(commands, "sample", _sample, "造一班样品答卷：对的、错的、坏的、出意外的")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("folder", type=Path, metavar="文件夹")
    parser.add_argument("--count", type=int, default=40, metavar="份数", help="缺省 40")


def _release(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.release import release

    course = Course(asked.course)
    tighten(course)
    for lab in [find_lab(n) for n in asked.labs] or list(labs().values()):
        print(f"发布了 {lab.name}：{release(course, lab)}", flush=True)


def _collect(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.collect import Choices, collect, settle
    from sockscope.grading.course.lateness import lateness
    from sockscope.grading.course.people import listed, somebody
    from sockscope.grading.course.roster import Roster
    from sockscope.grading.course.rules import Rules

    course, lab = opened(asked)
    rules = Rules.of(course)
    if asked.due:
        rules = rules.replaced("due", lab, asked.due.astimezone().isoformat(timespec="seconds"))
        rules.save(course)
    roster = Roster.read(asked.roster) if asked.roster else Roster.of(course)
    got = collect(asked.source, lab, list(course.written(lab)),
                  Choices(asked.layout, asked.take, roster, asked.unknown))
    if asked.roster and roster:
        roster.keep(course)
    settle(course, got)
    for paper in got.papers.values():
        late = str(lateness(rules, lab, paper, somebody(paper, listed(roster, paper)).keys))
        for note in [*paper.notes, *filter(None, [late])]:
            print(f"  {printable(paper.who)}：{note}")
    for path, why in got.refused:
        print(f"  没有收 {printable(path)}：{why}")
    for path, why in got.aside:
        print(f"  放在一边 {printable(path)}：{why}")
    for line in got.said:
        print(f"  {line}")
    if got.missing:
        print(f"  没有交的 {len(got.missing)} 人：{'、'.join(printable(m.who) for m in got.missing)}")
    layout = f"（{got.layout.title}）" if got.layout else ""
    print(f"收了 {len(got.papers)} 份 {lab.name}{layout}，{len(got.refused)} 个文件没有收"
          + (f"，{len(got.aside)} 个放在一边等你回答。" if got.aside else "。"))


def _sample(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.sample import write_class

    made = write_class(find_lab(asked.lab), asked.folder, asked.count)
    print(f"在 {asked.folder} 里造了 {len(made)} 份 {asked.lab}。")
