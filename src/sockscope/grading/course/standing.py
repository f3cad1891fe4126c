"""每个人在一个练习里此刻的分：检查的判定、教师改的分、书面题、迟交扣的分、同组的那一份。算分只在这里。"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sockscope.grading.course import gradebook
from sockscope.grading.course.course import Course
from sockscope.grading.course.groups import Team, teams
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.lateness import Lateness, lateness
from sockscope.grading.course.names import escape
from sockscope.grading.course.people import Somebody, listed, somebody
from sockscope.grading.course.roster import Member, Roster
from sockscope.grading.course.rules import Rules
from sockscope.grading.exam.lab import Lab

__all__ = ["Line", "lines"]

ID = re.compile(r"(?P<name>.+)_(?P<id>\d+)")


@dataclass(frozen=True)
class Line:
    """一个人的一行。``paper`` 是算他分的那一份的文件名：同组的人交的，就不是他自己的；``deducted`` 是迟交扣的分。

    ``question`` 不为空时，分还说不准：它是要问教师的话。
    """

    student: str
    auto: float
    written: dict[str, float | None]
    lateness: Lateness
    name: str = ""
    id: str = ""
    member: Member | None = None
    paper: str = ""
    team: str = ""
    deducted: float = 0.0
    question: str = ""
    comments: dict[str, str] = field(default_factory=dict)

    @property
    def late(self) -> bool:
        return self.lateness.late

    @property
    def earned(self) -> float | None:
        """没有扣迟交之前的总分；还有书面题没有看则为 None。"""
        given = [s for s in self.written.values() if s is not None]
        return self.auto + sum(given) if len(given) == len(self.written) else None

    @property
    def total(self) -> float | None:
        """总分；还说不准则为 None。"""
        return None if self.earned is None or self.question else round(self.earned - self.deducted, 6)


def lines(course: Course, lab: Lab, judged: Callable[[str], dict[str, Any] | None] | None = None) -> list[Line]:
    """每个批过的人一行；分组的，组里没有交的人也有一行。``judged`` 是从哪里取判定，缺省是课程文件夹里存的那一份。"""
    judged = judged or (lambda student: course.result(lab.name, student))
    papers, rules, roster = course.papers(lab), Rules.of(course), Roster.of(course)
    grouped = teams(course, lab, papers, rules.counting.get(lab.name, {}))
    team_of = {student: team for team in grouped for student in team.papers}
    members = {student: listed(roster, paper) for student, paper in papers.items()}
    shared = {s: _keys(team, members, roster) for s, team in team_of.items()}
    plain = dict(_plain(course, lab, papers, rules, members, shared, judged))
    found = [plain[s] for s in papers if s in plain and s not in team_of]
    for team in grouped:
        found += _shared(team, plain, roster)
    return sorted(found, key=lambda line: line.student)


def _plain(course: Course, lab: Lab, papers: Mapping[str, Paper], rules: Rules, members: Mapping[str, Member | None],
           shared: Mapping[str, set[str]], judged: Callable[[str], dict[str, Any] | None]) -> Iterator[tuple[str, Line]]:
    """每份批过的答卷自己的一行。``shared``：答卷 → 同组每个人在规矩里的写法。"""
    manual, said = gradebook.manual_scores(course, lab), gradebook.comments(course, lab)
    names, most = course.written(lab), sum(course.points(lab).values())
    for student, paper in papers.items():
        result = judged(student)
        if result is None:
            continue
        when = lateness(rules, lab, paper, somebody(paper, members[student]).keys | shared.get(student, set()))
        line = Line(student, _auto(course, result, manual.get(student, {})), {n: manual.get(student, {}).get(n) for n in names},
                    when, *_as_written(paper), members[student], student, comments=said.get(student, {}))
        yield student, deducted(line, rules, most)


def _auto(course: Course, result: dict[str, Any], given: Mapping[str, float | None]) -> float:
    """自动批改的分；教师在成绩库里改过的，以改过的为准。"""
    return sum(v.earned if (own := given.get(v.check.partition(".")[2])) is None else own for v in course.verdicts(result))


def deducted(line: Line, rules: Rules, most: float) -> Line:
    """扣掉迟交的分；要扣而不知道迟了多久，就问。"""
    if line.lateness.by is None:
        ask = rules.late.rate or rules.late.closed is not None
        return replace(line, question="平台没有写迟了多久；用 extend --late 说明") if ask else line
    total = line.auto if line.earned is None else line.earned
    return replace(line, deducted=rules.late.deduction(total, most, line.lateness.by or timedelta()))


def _shared(team: Team, plain: Mapping[str, Line], roster: Roster | None) -> Iterator[Line]:
    """一组里的每个人：分是算数的那一份的。"""
    base = plain.get(team.counting) if team.counting else next((plain[s] for s in team.papers if s in plain), None)
    if base is None:
        return
    question = team.question or base.question
    for member in team.members:
        student = next((s for s, own in team.handed.items() if own == member), "")
        name, number, known = member.name, _id(member), _known(roster, member)
        if student in plain:
            name, number, known = plain[student].name, plain[student].id, plain[student].member
        yield replace(base, student=student or escape(member.who), name=name, id=number, member=known or member,
                      team=team.name, question=question)


def _keys(team: Team, members: Mapping[str, Member | None], roster: Roster | None) -> set[str]:
    """一组里每个人在规矩里的写法：一个人的宽限是全组的。"""
    handed: set[str] = set().union(*(somebody(p, members[s]).keys for s, p in team.papers.items()))
    return handed.union(*(Somebody("", _known(roster, m) or m).keys for m in team.members))


def _id(member: Member) -> str:
    return next((member.ids[k] for k in ("number", "username", "canvas", "email") if k in member.ids), "")


def _known(roster: Roster | None, member: Member) -> Member | None:
    """分组表上的人在名单上是谁：有同一种号就看号，不然看名字。"""
    people = roster.members if roster else []
    shared = [m for m in people if any(m.ids.get(k) == v for k, v in member.ids.items())]
    found = shared or [m for m in people if m.name == member.name]
    return found[0] if len(found) == 1 else None


def _as_written(paper: Paper) -> tuple[str, str]:
    """平台写的名字和号；从前收下的没有记，从文件名里猜。"""
    if paper.owner:
        return paper.name or paper.owner, paper.id
    found = ID.fullmatch(paper.student)
    return (found["name"].replace("_", " "), found["id"]) if found else (paper.student, "")
