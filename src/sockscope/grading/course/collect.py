"""收一批答卷：认出整批的布局，说出每一份是谁的；说不准的放在一边，问教师，从不替他猜。

同一个人交了几份，取平台自己的次序或时刻里最后的一份；平台没有写，而内容又不同，就放在一边。学生取的文件名、
zip 和文件夹里的时刻都不决定取哪一份。内容相同的算一份。
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sockscope.grading.course.course import Course
from sockscope.grading.course.delivery import Arrival, arrivals
from sockscope.grading.course.intake import Paper, Unreadable, read
from sockscope.grading.course.layouts import Handed, Layout, Person, owners, recognise
from sockscope.grading.course.names import alike, another, escape, legacy, printable, visible
from sockscope.grading.course.roster import Member, Roster
from sockscope.grading.exam.lab import Lab

__all__ = ["Choices", "Collected", "collect", "known", "settle"]

SHEET = re.compile(r"(^|/)timestamp\.txt$|_attempt_[\d-]+\.txt$")  # nbgrader 与 Blackboard 写在旁边的
NOBODY = "看不出是谁交的；把学生的名字写进文件夹或文件名"


@dataclass(frozen=True)
class Choices:
    """教师说了算的几件事：布局、取哪几个文件、名单、名单上没有的人收不收。"""

    layout: str = ""
    take: Sequence[str] = ()
    roster: Roster | None = None
    unknown: str = "aside"


@dataclass
class Collected:
    """一次收卷的结果：文件名里的名字 → 答卷；没有收的 ``(路径, 原因)``；放在一边等教师回答的；要说的话；没有交的人。"""

    papers: dict[str, Paper]
    refused: list[tuple[str, str]]
    aside: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    missing: list[Member] = field(default_factory=list)
    layout: Layout | None = None


@dataclass(frozen=True)
class Candidate:
    """一个人的一份读得懂的答卷。"""

    handed: Handed
    paper: Paper
    path: str


def collect(source: Path, lab: Lab, written: list[str], choices: Choices | None = None) -> Collected:
    """收一批；平台写了迟交的照收，记一笔。布局看不准抛 ``Ambiguous``。"""
    choices = choices or Choices()
    found: list[Arrival] = []
    notes: dict[str, str] = {}
    read_in: dict[int, Paper] = {}
    unread: dict[int, str] = {}
    for arrival in arrivals(source):
        if arrival.note:
            if SHEET.search(arrival.path):
                notes[arrival.path] = _words(arrival.data)
            continue
        found.append(Arrival(arrival.path, b"", arrival.when))
        try:
            if arrival.trouble:
                raise Unreadable(arrival.trouble)
            read_in[len(found) - 1] = read(arrival.data, lab, written)
        except Unreadable as reason:
            unread[len(found) - 1] = str(reason)
    if not found:
        return Collected({}, [], said=["里面没有 .ipynb，一份也没有收。"])
    paths = [a.path for a in found]
    layout, depth = recognise(paths, lab.name, choices.layout, notes)
    whose = owners(layout, paths, lab.name, depth, notes)
    got = Collected({}, [], layout=layout)
    handed_in: dict[Person, list[Candidate]] = {}
    everyone = _everyone(whose.values())
    for number, arrival in enumerate(found):
        handed = whose[arrival.path]
        if number in unread:
            got.refused.append((arrival.path, unread[number]))
        elif handed is None:
            got.aside.append((arrival.path, NOBODY if layout.name == "hand" else f"不像 {layout.title} 给的名字，认不出是谁的"))
        else:
            person = everyone[handed.person.text]
            handed_in.setdefault(person, []).append(_candidate(handed, person, layout, read_in[number], arrival))
    members = _expected(everyone.values(), handed_in, layout, choices, got)
    _check_take(choices.take, handed_in)
    for person, candidates in handed_in.items():
        if one := _chosen(person, candidates, choices.take, got):
            got.papers[one.paper.student] = one.paper
    got.papers = dict(sorted(got.papers.items()))
    if choices.roster:
        got.missing = choices.roster.missing(members)
    got.said += _lookalikes(everyone.values(), choices.roster)
    return got


def _words(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""


def _everyone(found: Iterable[Handed | None]) -> dict[str, Person]:
    """平台写的每个人，一人一个；有的文件旁边写了姓名，有的没有。"""
    people: dict[str, Person] = {}
    for handed in found:
        if handed and not (handed.person.text in people and people[handed.person.text].name):
            people[handed.person.text] = handed.person
    return people


def _candidate(handed: Handed, person: Person, layout: Layout, paper: Paper, arrival: Arrival) -> Candidate:
    when = handed.when or arrival.when
    paper.student, paper.owner, paper.name, paper.id = escape(person.text), person.text, person.name, person.id
    paper.layout, paper.timed = layout.name, handed.when is not None
    paper.file, paper.attempt = arrival.path, when.isoformat(timespec="seconds") if when else ""
    paper.late = handed.late
    return Candidate(handed, paper, arrival.path)


# ---------------------------------------------------------------- 名单

def _expected(everyone: Iterable[Person], handed_in: dict[Person, list[Candidate]], layout: Layout, choices: Choices,
              got: Collected) -> list[Member]:
    """与名单对一遍，返回交了的人（读不了的也算交了）；名单上没有的、说不准是哪一个的，放在一边。"""
    if choices.roster is None:
        return []
    matches = {person: choices.roster.find(person, layout) for person in everyone}
    claimed = [id(found[0]) for found in matches.values() if len(found) == 1]
    here = []
    for person, found in matches.items():
        if len(found) == 1 and claimed.count(id(found[0])) == 1:
            here.append(found[0])
            _as_listed(handed_in.get(person, []), found[0])
            continue
        if not found and choices.unknown == "take":
            got.said.append(f"“{visible(person.text)}” 不在名单上，照收了。")
            continue
        why = "不在名单上；要收，用 --unknown take" if not found else \
            f"对得上名单上的 {'、'.join(printable(m.who) for m in found)}，而不止一个人对得上，说不准；在名单里写上学号或平台的号"
        here += found  # 说不准的不算没有交
        got.aside += [(c.path, f"{visible(person.text)} {why}") for c in handed_in.pop(person, [])]
    return here


def _as_listed(candidates: list[Candidate], member: Member) -> None:
    """平台没有写名字的（Blackboard、nbgrader），名单上有。"""
    for candidate in candidates:
        candidate.paper.name = candidate.paper.name or member.name


# ---------------------------------------------------------------- 几份里取哪一份

def _check_take(take: Sequence[str], handed_in: dict[Person, list[Candidate]]) -> None:
    known_paths = {printable(c.path) for own in handed_in.values() for c in own}
    if wrong := [t for t in take if printable(t) not in known_paths]:
        raise ValueError(f"--take 说的 {printable(wrong[0])} 不在这一批能收的文件里。照收卷时印出的路径写。")


def _chosen(person: Person, candidates: list[Candidate], take: Sequence[str], got: Collected) -> Candidate | None:
    """取一份，其余的说一声；说不准的全放在一边。"""
    wanted = [c for c in candidates if printable(c.path) in {printable(t) for t in take}]
    best = _last(wanted or candidates)
    if len({c.paper.digest for c in best}) > 1:
        why = f"{visible(person.text)} 交了 {len(candidates)} 份，内容不同，平台没有写哪一份在后；选一份：--take 路径"
        got.aside += [(c.path, why) for c in candidates]
        return None
    one = best[-1]
    got.refused += [(c.path, f"{visible(person.text)} 交了不止一份，取的是 {printable(one.path)}")
                    for c in candidates if c is not one]
    return one


def _last(candidates: list[Candidate]) -> list[Candidate]:
    """平台说最后的那一份；平台没有说，就是全部。"""
    orders = [c.handed.order for c in candidates]
    if all(o is not None for o in orders):
        return [c for c in candidates if c.handed.order == max(o for o in orders if o is not None)]
    times = [c.handed.when for c in candidates]
    if all(t is not None for t in times):
        return [c for c in candidates if c.handed.when == max(t for t in times if t is not None)]
    return candidates


def _lookalikes(people: Iterable[Person], roster: Roster | None) -> list[str]:
    """看上去一样的人；同名而平台给了不同的号的，也说一声。"""
    by_name: dict[str, list[str]] = {}
    for person in people:
        by_name.setdefault(person.name or person.text, []).append(person.text)
    same = [f"{'、'.join(f'“{visible(t)}”' for t in texts)} 同名，平台说是 {len(texts)} 个人。"
            for texts in by_name.values() if len(texts) > 1]
    said = alike(by_name)
    return same + said + [line for line in (roster.alike() if roster else []) if line not in said]


# ---------------------------------------------------------------- 与课程文件夹里已有的对上

def known(course: Course) -> list[Paper]:
    """课程文件夹里收过的全部答卷。"""
    return [Paper(**json.loads(path.read_text(encoding="utf-8")))
            for path in sorted((course.root / "collected").glob("*/*.json"))]


def settle(course: Course, got: Collected) -> None:
    """存下来。从前的版本收过的人，用回他那时的文件名，分数就接得上；那时与别人混成了一个的，分开存，说一声。"""
    used: dict[str, str] = {}
    old: dict[str, list[Paper]] = {}
    for paper in known(course):
        if paper.owner:
            used[paper.owner] = paper.student
        else:
            old.setdefault(paper.student, []).append(paper)
    occupied = {*used.values(), *old}
    for paper in got.papers.values():
        name = legacy(paper.owner)
        if paper.owner in used:
            paper.student = used[paper.owner]
        elif name in old and all(_his(before, paper.owner, got.layout) for before in old[name]):
            paper.student = name
        else:
            if name in old:
                got.said.append(f"从前收下的 {name} 不一定是“{visible(paper.owner)}”（那时会把名字相近的人收成一个），"
                                f"没有接着用，分开存了。")
            if paper.student in occupied:
                paper.student = another(paper.owner)
    got.papers = {paper.student: paper for paper in got.papers.values()}
    for paper in got.papers.values():
        course.save_paper(paper)


def _his(before: Paper, owner: str, layout: Layout | None) -> bool:
    """从前收下的那一份，照它的路径，是不是这个人的。"""
    return layout is not None and any(
        (handed := owners(layout, [before.file], before.lab, depth)[before.file]) and handed.person.text == owner
        for depth in range(before.file.count("/") + 1))
