"""一个人：交过的答卷，名单上的一行。命令里怎样叫他都认得；叫的不止一个人就问，从不替教师挑。"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sockscope.grading.course.course import Course
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.layouts import LAYOUTS, Person
from sockscope.grading.course.names import printable
from sockscope.grading.course.roster import Member, Roster

__all__ = ["Somebody", "everybody", "find", "listed", "somebody"]

STEADY = ("number", "username", "email", "canvas")  # 每次作业都相同的号；Moodle 的参与者号不是


@dataclass(frozen=True)
class Somebody:
    """``student`` 是他的答卷在课程文件夹里的文件名，没有交过则为空；``member`` 是名单上的他。"""

    student: str = ""
    member: Member | None = None
    words: frozenset[str] = frozenset()

    @property
    def who(self) -> str:
        """给人看的。"""
        return self.member.who if self.member else self.student

    @property
    def key(self) -> str:
        """写进 ``rules.json`` 的：名单上的号；没有名单，就是答卷的文件名。"""
        if self.member is None:
            return f"student:{self.student}"
        return next((f"{kind}:{self.member.ids[kind]}" for kind in STEADY if kind in self.member.ids), f"name:{self.member.name}")

    @property
    def keys(self) -> set[str]:
        """从前写下的也认得：那时也许还没有名单。"""
        known = {f"student:{self.student}"} if self.student else set()
        if self.member:
            known |= {f"{kind}:{self.member.ids[kind]}" for kind in STEADY if kind in self.member.ids} | {self.key}
        return known


def listed(roster: Roster | None, paper: Paper) -> Member | None:
    """这份答卷是名单上的谁；没有名单，或说不准是谁的，为 None。"""
    if roster is None:
        return None
    layout = LAYOUTS.get(paper.layout, LAYOUTS["hand"])
    found = roster.find(Person(paper.owner or paper.student, paper.name, paper.id), layout)
    return found[0] if len(found) == 1 else None


def somebody(paper: Paper, member: Member | None) -> Somebody:
    """交了这份答卷的人。"""
    words = {paper.student, paper.owner, paper.name, paper.id, paper.who}
    return Somebody(paper.student, member, _words(words, member))


def _words(words: set[str], member: Member | None) -> frozenset[str]:
    if member:
        words = words | {member.name, member.who, *member.ids.values()}
    return frozenset(w for w in words if w)


def everybody(course: Course, papers: Iterable[Paper]) -> list[Somebody]:
    """交过的人，和名单上没有交过的人。"""
    roster = Roster.of(course)
    found: dict[str, Somebody] = {}
    for paper in papers:
        one = somebody(paper, listed(roster, paper))
        known = found.get(one.key)
        found[one.key] = Somebody(one.student, one.member, one.words | (known.words if known else frozenset()))
    here = {id(one.member) for one in found.values() if one.member}
    absent = [Somebody("", m, _words(set(), m)) for m in (roster.members if roster else ()) if id(m) not in here]
    return [*found.values(), *absent]


def find(people: list[Somebody], word: str) -> Somebody:
    """命令里写的一个人；没有他，或者不止一个，抛 ``ValueError``。"""
    found = [one for one in people if word in one.words]
    if not found:
        raise ValueError(f"没有收到过 {printable(word)} 的答卷，名单上也没有他。看看名字写得对不对。")
    if len(found) > 1:
        names = "、".join(printable(one.who) for one in found)
        raise ValueError(f"叫 {printable(word)} 的不止一个：{names}。写号。")
    return found[0]
