"""分组：一组交一份，算给组里的每个人。一个练习一份分组表（``groups/lab14.csv``）：一人一行，有“组”一列。

Canvas 的分组导出（``group_name``）、Moodle 的参与者下载（``Groups``）和自己写的都读得懂；认人的规矩与名单相同。
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sockscope.grading.course.course import Course, write
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.people import listed
from sockscope.grading.course.roster import Member, Roster
from sockscope.grading.exam.lab import Lab

__all__ = ["Groups", "Team", "teams"]


@dataclass
class Team:
    """一组。``papers`` 是组里的人交来的：文件名 → 答卷，``handed`` 是文件名 → 谁交的；

    ``counting`` 是算数的那一份，说不准则为空，``question`` 是要问的话。
    """

    name: str
    members: list[Member]
    papers: dict[str, Paper] = field(default_factory=dict)
    handed: dict[str, Member] = field(default_factory=dict)
    counting: str = ""
    question: str = ""


class Groups(Roster):
    """一份分组表。有人没有写组、一个人写在两组里，抛 ``ValueError``。"""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if lacking := [m.who for m in self.members if not m.group]:
            if len(lacking) == len(self.members):
                raise ValueError("分组表里没有“组”（或 Group）一列。")
            raise ValueError(f"分组表里 {'、'.join(lacking[:5])} 没有写是哪一组。")
        seen: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
        for member in self.members:
            key = member.name, tuple(sorted(member.ids.items()))
            if seen.setdefault(key, member.group) != member.group:
                raise ValueError(f"分组表里 {member.who} 写在两组里：{seen[key]}、{member.group}。"
                                 "是两个同名的人，就添上学号一列。")

    @classmethod
    def kept(cls, course: Course, lab: Lab) -> Groups | None:
        """这个练习的分组；没有分组则为 None。"""
        path = _path(course, lab)
        return cls(path.read_text(encoding="utf-8")) if path.exists() else None

    def keep_for(self, course: Course, lab: Lab) -> None:
        write(_path(course, lab), self.text)

    def teams(self) -> dict[str, Team]:
        found: dict[str, Team] = {}
        for member in self.members:
            found.setdefault(member.group, Team(member.group, [])).members.append(member)
        return found


def _path(course: Course, lab: Lab) -> Path:
    return course.root / "groups" / f"{lab.name}.csv"


def forget(course: Course, lab: Lab) -> bool:
    """这个练习不再分组；返回原来分没分。"""
    path = _path(course, lab)
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def teams(course: Course, lab: Lab, papers: Mapping[str, Paper], chosen: Mapping[str, str]) -> list[Team]:
    """这个练习的各组，连同交来的答卷和算数的那一份。没有分组则为空。

    ``chosen`` 是教师答复过的：组 → 文件名。几份内容不同，而平台写的时刻分不出先后，就要问。
    """
    groups = Groups.kept(course, lab)
    if groups is None:
        return []
    found = groups.teams()
    for student, paper in papers.items():
        if member := listed(groups, paper):
            found[member.group].papers[student], found[member.group].handed[student] = paper, member
    for team in found.values():
        team.counting, team.question = _counting(team, chosen.get(team.name, ""))
    return list(found.values())


def _counting(team: Team, chosen: str) -> tuple[str, str]:
    if chosen in team.papers:
        return chosen, ""
    last = list(_last(team.papers))
    if len({team.papers[s].digest for s in last}) > 1:
        who = "、".join(p.who for p in team.papers.values())
        return "", f"{who} 各交了一份，内容不同，分不出先后；用 groups --counts 说明算谁的"
    return (last[-1] if last else ""), ""


def _last(papers: Mapping[str, Paper]) -> Iterator[str]:
    """最后交的：都有平台的时刻时，是时刻最晚的那几份；不然是全部。"""
    times = [p.attempt for p in papers.values() if p.timed]
    latest = max(times) if len(times) == len(papers) > 0 else None
    return (s for s, p in papers.items() if latest in (None, p.attempt))
