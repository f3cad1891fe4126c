"""教师定规矩：due、late、extend、points、groups。改了就算数，不必重批。"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sockscope.grading.commands import Commands, command, course_of, opened
from sockscope.grading.course.course import Course
from sockscope.grading.course.names import printable
from sockscope.grading.course.rules import Extension
from sockscope.grading.exam.lab import Lab

__all__ = ["add"]


def add(commands: Commands) -> None:
    parser = command(commands, "due", _due, "截止时刻：看一看，或者定下")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("when", nargs="?", type=datetime.fromisoformat, metavar="时刻", help="如 2026-11-20T23:59")
    parser.add_argument("--none", action="store_true", help="没有截止时刻")
    parser = command(commands, "late", _late, "迟交怎样扣分：看一看，或者定下；全部练习一个规矩")
    parser.add_argument("--grace", type=_number, metavar="分钟", help="晚这么几分钟不算迟交")
    parser.add_argument("--rate", type=_number, metavar="百分数", help="每过一天（或一小时）扣满分的百分之几，不满也算一个")
    parser.add_argument("--unit", choices=["day", "hour"], metavar="单位", help="day 或 hour")
    parser.add_argument("--floor", type=_number, metavar="百分数", help="最多扣到满分的百分之几")
    parser.add_argument("--closed", type=_number, metavar="天", help="过了这么多天是零分")
    parser.add_argument("--none", action="store_true", help="迟交不扣分")
    parser = command(commands, "extend", _extend, "给几个人宽限，或者说明他们迟了多久")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("people", nargs="*", metavar="人", help="姓名或号；还没有交的，要在名单上；一个也不写就列出已有的")
    parser.add_argument("--until", type=datetime.fromisoformat, metavar="时刻", help="截止到这个时刻")
    parser.add_argument("--late", type=_number, metavar="天", help="就当他迟了这么多天；0 是按时")
    parser.add_argument("--why", default="", metavar="原因", help="记下来，也写在他的反馈里")
    parser.add_argument("--cancel", action="store_true", help="收回")
    parser = command(commands, "points", _points, "各题几分：看一看，或者改")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("changes", nargs="*", metavar="题=分", help="如 half_close=3；0 分就是不算这一题")
    parser = command(commands, "groups", _groups, "分组：一组交一份，算给每个人")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("table", nargs="?", type=Path, metavar="分组表", help="CSV，一人一行，有“组”一列；不写就看一看")
    parser.add_argument("--counts", metavar="组=人", action="append", default=[], help="这一组算这个人的那一份；可以写几次")
    parser.add_argument("--none", action="store_true", help="不再分组")


def _number(text: str) -> float:
    """不是负数的一个数。"""
    if not 0 <= (value := float(text)) < 1e6:
        raise ValueError(text)
    return value


def _abide(course: Course, labs: Iterable[Lab]) -> None:
    """批过的，分数马上照新的规矩算。"""
    from sockscope.grading.course.grade import abide
    from sockscope.grading.course.standing import lines

    for lab in labs:
        abide(course, lab)
        if moved := [line for line in lines(course, lab) if line.deducted]:
            print(f"{lab.name}：{len(moved)} 个人因为迟交扣了分。")
        if asked := [line for line in lines(course, lab) if line.question]:
            for line in asked:
                print(f"  {printable(line.name or line.student)}：{line.question}")


def _graded(course: Course) -> list[Lab]:
    from sockscope.grading.exam.lab import labs

    return [lab for name, lab in labs().items() if (course.root / "results" / name).is_dir()]


def _due(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.rules import Rules

    course, lab = opened(asked)
    rules = Rules.of(course)
    if asked.when or asked.none:
        when = asked.when.astimezone().isoformat(timespec="seconds") if asked.when else ""
        rules = rules.replaced("due", lab, when)
        rules.save(course)
        _abide(course, [lab])
    due = rules.deadline(lab)
    print(f"{lab.name} 的截止时刻：{f'{due:%Y-%m-%d %H:%M %z}' if due else '没有定'}。")


def _late(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.rules import Policy, Rules

    course = course_of(asked)
    rules = Rules.of(course)
    told = {name: getattr(asked, name) for name in ("grace", "rate", "unit", "floor", "closed")
            if getattr(asked, name) is not None}
    if asked.none or told:
        rules = replace(rules, late=replace(Policy() if asked.none else rules.late, **told))
        rules.save(course)
        _abide(course, _graded(course))
    print(f"{rules.late}。" + ("截止时刻由 due 定，或者是平台写的迟交。" if rules.late != Policy() else ""))


def _extend(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.collect import known
    from sockscope.grading.course.people import everybody, find
    from sockscope.grading.course.rules import Rules

    course, lab = opened(asked)
    rules, people = Rules.of(course), everybody(course, known(course))
    if not asked.people:
        _told_extensions(rules.extensions.get(lab.name, {}), {key: one.who for one in people for key in one.keys})
        return
    if sum((asked.until is not None, asked.late is not None, asked.cancel)) != 1:
        raise ValueError("写 --until 时刻、--late 天数、--cancel 里的一样。")
    chosen = [find(people, word) for word in asked.people]
    made = None if asked.cancel else Extension(
        asked.until.astimezone().isoformat(timespec="seconds") if asked.until else "",
        None if asked.late is None else timedelta(days=asked.late).total_seconds(), asked.why)
    for one in chosen:
        for key in one.keys:
            rules = rules.extended(lab, key, None)
        rules = rules.extended(lab, one.key, made)
    rules.save(course)
    _abide(course, [lab])
    print(f"{'收回了' if asked.cancel else '记下了'} {'、'.join(printable(one.who) for one in chosen)} 的 {lab.name}。")


def _told_extensions(known: dict[str, Extension], names: dict[str, str]) -> None:
    for key, extension in known.items():
        until = f"截止到 {extension.until[:16].replace('T', ' ')}"
        said = until if extension.until else f"当作迟了 {(extension.late or 0) / 86400:g} 天"
        print(f"  {printable(names.get(key, key))}：{said}{f'（{extension.why}）' if extension.why else ''}")
    if not known:
        print("还没有给谁宽限。")


def _points(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.rules import change_points

    course, lab = opened(asked)
    wanted = {}
    for change in asked.changes:
        name, _, text = change.partition("=")
        try:
            wanted[name] = float(text)
        except ValueError:
            raise ValueError(f"看不懂 {printable(change)}。写成 题=分，如 {next(iter(lab.checks))}=3。") from None
    if wanted:
        change_points(course, lab, wanted)
        _abide(course, [lab])
    points, changed = course.points(lab), course.changed_points(lab.name)
    for name, score in points.items():
        print(f"  {name}  {score:g} 分{'（改过）' if name in changed else ''}")
    print(f"{lab.name} 满分 {sum(points.values()):g} 分。")


def _groups(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.grade import abide
    from sockscope.grading.course.groups import Groups, forget, teams
    from sockscope.grading.course.people import everybody, find
    from sockscope.grading.course.rules import Rules

    course, lab = opened(asked)
    if asked.none:
        print(f"{lab.name} 不再分组。" if forget(course, lab) else f"{lab.name} 本来就没有分组。")
    elif asked.table:
        Groups(Groups.read(asked.table).text).keep_for(course, lab)
    papers, rules = course.papers(lab), Rules.of(course)
    for word in asked.counts:
        team, _, who = word.partition("=")
        known = {t.name: t for t in teams(course, lab, papers, {})}
        if team not in known:
            raise ValueError(f"没有叫 {printable(team)} 的组；有：{'、'.join(known) or '一组也没有'}。")
        student = find(everybody(course, papers.values()), who).student
        if student not in known[team].papers:
            raise ValueError(f"{printable(who)} 不在 {team} 里，或者没有交 {lab.name}。")
        rules = rules.replaced("counting", lab, rules.counting.get(lab.name, {}) | {team: student})
        rules.save(course)
    for group in teams(course, lab, papers, rules.counting.get(lab.name, {})):
        counted = f"算 {papers[group.counting].who} 的" if group.counting else group.question or "没有交"
        print(f"  {group.name}：{'、'.join(printable(m.name or m.who) for m in group.members)}；{printable(counted)}")
    if lab in _graded(course):
        abide(course, lab)
