"""全部练习放在一起：每个学生各次怎样，每项检查第一次与最后一次各通过几成，哪些误区还有人没有过，每次批改之后全班怎样。"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

from sockscope.grading.course.course import Course
from sockscope.grading.course.history import Judged, Round, rounds, standing
from sockscope.grading.course.people import Somebody
from sockscope.grading.course.standing import Line, lines
from sockscope.grading.exam.lab import Lab, labs

__all__ = ["Moment", "Part", "gathered", "moments", "progress", "remarks", "tally"]

APART = timedelta(hours=1)  # 隔得比这久，算另一次批改
FELL = 0.3   # 比从前的平均低这么多，就说一声
EARLIER = datetime.min.replace(tzinfo=UTC)  # 那时没有记
LATEST = 12  # 一个练习至多画这么多次


@dataclass(frozen=True)
class Moment:
    """一次批改之后的全班：几份，一共几项检查，通过了几项。"""

    when: str
    papers: int
    checks: int
    passed: int


@dataclass
class Part:
    """一个练习：每人的一行，各次批改；``first``、``last`` 是第一次与最后一次交的：检查 → ``(通过的份数, 判过的份数)``。"""

    lab: Lab
    most: float
    auto: float
    waiting: set[str]
    lines: dict[str, Line] = field(default_factory=dict)
    first: dict[str, tuple[int, int]] = field(default_factory=dict)
    last: dict[str, tuple[int, int]] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)


def progress(course: Course) -> Path:
    """写 ``summary/course.html``，返回路径。一个练习也没有收过，抛 ``ValueError``。"""
    from sockscope.grading.course.progress_page import page

    parts = gathered(course)
    if not parts:
        raise ValueError("还没有收过哪个练习。先 collect。")
    return page(course, parts)


def gathered(course: Course) -> list[Part]:
    """收过的各个练习。"""
    return [_part(course, lab) for lab in labs().values()
            if (course.root / "collected" / lab.name).is_dir() and (course.root / "source" / lab.name).is_dir()]


def _part(course: Course, lab: Lab) -> Part:
    students, points = {p.stem for p in (course.root / "collected" / lab.name).glob("*.json")}, course.points(lab)
    known = {student: found for student in students if (found := rounds(course, lab.name, student))}
    now = {student: standing(found) for student, found in known.items()}
    own = lines(course, lab, lambda student: _light(course, lab, student, now.get(student)))
    waiting = {Somebody(s).key for s in students - {line.paper for line in own}}
    return Part(lab, sum(points.values()), sum(points[c] for c in lab.checks), waiting, {_key(line): line for line in own},
                tally(_first(found, now[student]) for student, found in known.items()), tally(now.values()),
                moments(known.values()))


def _first(found: list[Round], now: dict[str, Judged]) -> dict[str, Judged]:
    """第一次交的那份答卷的判定；它后来重批过，以重批的为准。"""
    own = list(takewhile(lambda one: one.paper == found[0].paper, found))
    return now if len(own) == len(found) else standing(own)


def tally(everyone: Iterable[dict[str, Judged]]) -> dict[str, tuple[int, int]]:
    """检查 → ``(通过的份数, 判过的份数)``；没有批成的不算判过。"""
    passed, judged = Counter[str](), Counter[str]()
    for own in everyone:
        judged.update(check for check, one in own.items() if one.status != "broken")
        passed.update(check for check, one in own.items() if one.status == "passed")
    return {check: (passed[check], count) for check, count in judged.items()}


def _key(line: Line) -> str:
    """同一个人在各个练习里的记号：名单上的号，没有名单就是文件名。"""
    return Somebody(line.student, line.member).key


def _light(course: Course, lab: Lab, student: str, now: dict[str, Judged] | None) -> dict[str, Any] | None:
    """算分要用的判定：历史里有就不去读带着轨迹的那一份。"""
    if now is None:
        return course.result(lab.name, student)
    verdicts = [{"check": check, "title": "", "points": one.points, "status": one.status, "rows": []}
                for check, one in now.items()]
    return {"lab": lab.name, "student": student, "verdicts": verdicts}


# ---------------------------------------------------------------- 各次批改

def moments(everyone: Iterable[list[Round]]) -> list[Moment]:
    """全班的各次批改：相隔不到一小时的算一次；每次之后，到那时为止批过的人怎样。没有记时刻的不算一次。"""
    stories = [list(_story(found)) for found in everyone]
    times = sorted({when for story in stories for when, _, _ in story if when is not EARLIER})
    ends = [one for one, following in pairwise(times) if following - one > APART] + times[-1:]
    return [_after(end, stories) for end in ends[-LATEST:]]


def _story(found: list[Round]) -> Iterator[tuple[datetime, int, int]]:
    """一份答卷每批一次之后：``(时刻, 通过几项, 判过几项)``。"""
    now: dict[str, str] = {}
    for one in found:
        fresh = {check: told["status"] for check, told in one.checks.items()}
        now = {**now, **fresh} if one.only else fresh
        counts = Counter(now.values())
        yield datetime.fromisoformat(one.when) if one.when else EARLIER, counts["passed"], counts["passed"] + counts["failed"]


def _after(end: datetime, stories: list[list[tuple[datetime, int, int]]]) -> Moment:
    last = [[told for told in story if told[0] <= end][-1:] for story in stories]
    found = [told for own in last for told in own]
    return Moment(end.isoformat(timespec="minutes")[:16].replace("T", " "), len(found), sum(n for _, _, n in found),
                  sum(n for _, n, _ in found))


# ---------------------------------------------------------------- 一个人

def remarks(parts: list[Part], key: str) -> list[str]:
    """这个人不寻常的地方，只报数：连着两次没有交，比从前的平均低了许多。"""
    said, before = [], list[float]()
    for part, following in pairwise([*parts, None]):
        assert part is not None  # 只有最后一个是 None
        line = part.lines.get(key)
        if _missing(part, key) and following is not None and _missing(following, key):
            said.append(f"{part.lab.name}、{following.lab.name} 连着没有交")
        if line is None:
            continue
        share = line.auto / part.auto if part.auto else 0.0
        mean = sum(before) / len(before) if before else 0.0
        if mean - share >= FELL:
            said.append(f"{part.lab.name} 的自动分是满分的 {share:.0%}，从前 {len(before)} 次平均 {mean:.0%}")
        before.append(share)
    return said


def _missing(part: Part, key: str) -> bool:
    return key not in part.lines and key not in part.waiting

