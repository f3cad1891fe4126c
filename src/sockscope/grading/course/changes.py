"""重批之后，哪些分变了，凭什么变的：只说记下来的，没有记的说没有记，从不猜。"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sockscope.grading.course import gradebook
from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.course.examiner import PARTS
from sockscope.grading.course.history import Judged, Round, folder, paper_text, rounds, standing
from sockscope.grading.exam.lab import Lab

__all__ = ["FLAKY", "Change", "Step", "Told", "counts", "moved", "news", "since", "steps"]

FLAKY = "同一份答卷、同样的种子、同样的考官，两次判得不同：请看一眼"
TO_STUDENT = {FLAKY: "同一份答卷、同样的种子、同样的考官，两次判得不同，请告诉老师"}
UNRECORDED = "从前那一次由哪一版考官、在哪里批的，那时没有记"
LOST = "答卷换了；从前那一份的文字，那时没有记"
SAYS = {"passed": "通过", "failed": "没有通过", "broken": "没有批成", "": "没有这一项"}


@dataclass(frozen=True)
class Change:
    """一项检查前后不同。``why`` 是记录里查得到的几句话；``kept`` 是教师改过、因此没有动的分。"""

    check: str
    title: str
    before: str
    after: str
    earned: tuple[float, float]
    why: tuple[str, ...]
    told: tuple[str, str] = ("", "")
    kept: float | None = None

    @property
    def flaky(self) -> bool:
        return FLAKY in self.why

    @property
    def line(self) -> str:
        """一句话：哪一项，由怎样变为怎样。"""
        if self.before == self.after:
            return f"“{self.title}”由 {self.earned[0]:g} 分变为 {self.earned[1]:g} 分"
        return f"“{self.title}”由{SAYS[self.before]}变为{SAYS[self.after]}"


@dataclass(frozen=True)
class Step:
    """一个学生的一次变化：从 ``since`` 到 ``when``（空的是没有记，或者现在）；``total`` 是自动批改的分，教师改过的照他的。"""

    student: str
    since: str
    when: str
    total: tuple[float, float]
    changes: tuple[Change, ...]
    papers: tuple[str, str] = ("", "")

    @property
    def flaky(self) -> bool:
        return any(c.flaky for c in self.changes)

    @property
    def why(self) -> tuple[str, ...]:
        """各项合起来的原因，不重复。"""
        return tuple(dict.fromkeys(reason for c in self.changes for reason in c.why))

    @property
    def line(self) -> str:
        """给学生的一句话。"""
        came = "；".join(c.line for c in self.changes)
        return f"{came}；自动批改 {self.total[0]:g} → {self.total[1]:g} 分。{'；'.join(TO_STUDENT.get(w, w) for w in self.why)}。"


@dataclass(frozen=True)
class Told:
    """到某一刻为止的样子：批过几次，教师改过哪些人的分（``manual``）、哪些题的分（``points``）。"""

    found: list[Round]
    manual: dict[str, float]
    points: dict[str, float]

    @property
    def now(self) -> dict[str, Judged]:
        return standing(self.found)

    def earned(self, check: str, judged: Judged) -> float:
        name = check.partition(".")[2]
        return self.manual.get(name, self.auto(check, judged))

    def auto(self, check: str, judged: Judged) -> float:
        return self.points.get(check.partition(".")[2], judged.points) if judged.status == "passed" else 0.0

    @property
    def total(self) -> float:
        return sum(self.earned(check, judged) for check, judged in self.now.items())


def steps(course: Course, lab: Lab, students: Iterable[str] = ()) -> list[Step]:
    """每个学生的每一次变化；判得不同而说不出原因的在最前，其余的新的在前。"""
    manual, wanted = gradebook.overruled(course, lab), set(students)
    found = [step for student in course.papers(lab, list(students)) if not wanted or student in wanted
             for step in _of(course, lab, student, manual.get(student, {}))]
    found.sort(key=lambda s: s.when or (s.since and f"{s.since}~"), reverse=True)  # 老师改的，紧跟着改之前的那一次
    return sorted(found, key=lambda s: not s.flaky)


def _of(course: Course, lab: Lab, student: str, manual: dict[str, float]) -> Iterator[Step]:
    found, points = rounds(course, lab.name, student), course.changed_points(lab.name)
    for count in range(1, len(found) + 1):
        given = found[count].manual if count < len(found) else manual
        told = [Told(found[:count], found[count - 1].manual, points), Told(found[:count], given, points),
                Told(found[:count + 1], given, points)]
        yield from filter(None, (between(course, lab, student, *pair) for pair in itertools.pairwise(told)))


# ---------------------------------------------------------------- 从某一刻起

def counts(course: Course, lab: Lab) -> dict[str, int]:
    """此刻每个学生批过几次。"""
    return {student: len(rounds(course, lab.name, student)) for student in course.papers(lab)}


def since(course: Course, lab: Lab, before: dict[str, int]) -> str:
    """那一刻（``counts``）以来批过的，分数变了几个；一句话，没有变则为空。"""
    found = []
    points = course.changed_points(lab.name)
    for student, count in counts(course, lab).items():
        own, start = rounds(course, lab.name, student), max(before.get(student, 0), 1)
        if count > start and (step := between(course, lab, student, Told(own[:start], own[-1].manual, points),
                                              Told(own, own[-1].manual, points))):
            found.append(step)
    if not found:
        return ""
    up, down = (sum(sign * (s.total[1] - s.total[0]) > 0 for s in found) for sign in (1, -1))
    kept = sum(c.kept is not None for s in found for c in s.changes)
    flaky = sum(s.flaky for s in found)
    return (f"分数变了：{up} 个学生升，{down} 个降" + (f"；老师改过的 {kept} 项没有动" if kept else "")
            + (f"；{flaky} 个学生的判定前后不同而说不出原因" if flaky else "") + f"。看 changes {lab.name}。")


def news(course: Course, lab: Lab, reader: str, student: str, manual: dict[str, float]) -> str:
    """给学生的一句话：比上一次反馈（没有写过反馈，就是上一次批改）变了什么；没有变则为空。

    同样的内容再写一遍反馈，那句话还在：记下的是最后两次不同的反馈。
    ``student`` 是算他分的那一份答卷，``manual`` 是那一份上教师改过的分。
    """
    found, points = rounds(course, lab.name, student), course.changed_points(lab.name)
    if not found:
        return ""
    path, now = folder(course, lab.name) / "told" / f"{reader}.json", Told(found, manual, points)
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    if kept and kept["paper"] == student:
        last = Told(found[:kept["now"]["rounds"]], kept["now"]["manual"], points)
        before = kept["now"] if between(course, lab, student, last, now) else kept["before"]
    else:
        before = {"rounds": len(found) - 1, "manual": found[-2].manual} if len(found) > 1 else None
    fresh = {"paper": student, "now": {"rounds": len(found), "manual": manual}, "before": before}
    if fresh != kept:
        write(path, dumps(fresh))
    old = Told(found[:before["rounds"]], before["manual"], points) if before else None
    step = between(course, lab, student, old, now) if old else None
    return f"比上一次：{step.line}" if step else ""


# ---------------------------------------------------------------- 变了什么

def between(course: Course, lab: Lab, student: str, old: Told, new: Told) -> Step | None:
    """两个时刻之间变了什么；没有变则为 None。"""
    before, after = old.now, new.now
    changes = [change for check in dict.fromkeys([*before, *after])
               if (change := _change(course, lab, student, check, old, new))]
    if not changes:
        return None
    same = len(old.found) == len(new.found)
    return Step(student, old.found[-1].when, "" if same else new.found[-1].when, (old.total, new.total), tuple(changes),
                (old.found[-1].paper, new.found[-1].paper))


def _change(course: Course, lab: Lab, student: str, check: str, old: Told, new: Told) -> Change | None:
    name = check.partition(".")[2]
    title = lab.checks[name].title if name in lab.checks else name
    was, now = old.now.get(check), new.now.get(check)
    earned = old.earned(check, was) if was else 0.0, new.earned(check, now) if now else 0.0
    if was is None or now is None:
        return Change(check, title, was.status if was else "", now.status if now else "", earned,
                      ("这一项检查是新添的" if was is None else "这一项检查已经没有了",))
    by_hand = old.manual.get(name) != new.manual.get(name)
    regraded = (was.status, was.points) != (now.status, now.points)
    if not by_hand and not regraded:
        return None
    why = [f"老师改了分：{_score(old.manual.get(name))} → {_score(new.manual.get(name))}"] if by_hand else []
    kept = new.manual.get(name) if regraded and not by_hand else None
    if kept is not None:
        why.append(f"改过的分没有动（{kept:g} 分），自动分从 {old.auto(check, was):g} 到 {new.auto(check, now):g}")
    if regraded:
        why += reasons(course, lab, student, was, now)
    return Change(check, title, was.status, now.status, earned, tuple(why), (was.told, now.told), kept)


def _score(given: float | None) -> str:
    return "没有改过" if given is None else f"{given:g} 分"


def reasons(course: Course, lab: Lab, student: str, was: Judged, now: Judged) -> list[str]:
    """两次判定之间，记录里查得到的不同。"""
    found = []
    if was.points != now.points:
        found.append(f"这一项的满分从 {was.points:g} 改成 {now.points:g}")
    found += _paper(course, lab, student, was.round.paper, now.round.paper)
    if was.seed != now.seed:
        found.append("种子变了")
    known = bool(was.round.by and now.round.by)
    found += _examiners(was.round.by, now.round.by) if known else [UNRECORDED]
    for name, one in (("上一次", was), ("这一次", now)):
        if one.status == "broken":
            found.append(f"{name}是批改的一方出了错，不算判过：{one.told}")
    if not found:
        return [FLAKY]
    if len(found) > 1 and known:
        found.append("不同的不止一样，哪一样起了作用，记录里分不出来")
    return found


def _paper(course: Course, lab: Lab, student: str, old: str, new: str) -> list[str]:
    """答卷的程序变了没有：只改了书面题，不算。"""
    if old == new:
        return []
    before, after = (paper_text(course, lab.name, student, digest) for digest in (old, new))
    if before is None or after is None:
        return [LOST]
    changed = moved(before, after)
    return [f"答卷改了：{'、'.join(changed)}"] if changed else []


def moved(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """文字不同的答题格。"""
    return [cell for cell in dict.fromkeys([*before, *after]) if before.get(cell) != after.get(cell)]


def _examiners(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """考官、仪器、内核、Python 各从什么变成什么；版本号只在源码真的变了时说。"""
    found = []
    for part in ("examiner", "instrument"):
        if old.get(part) != new.get(part):
            versions = f"{old.get('version')} → {new.get('version')}" if old.get("version") != new.get("version") \
                else f"版本号没有变，还是 {new.get('version')}，源码变了：{old.get(part)} → {new.get(part)}"
            found.append(f"{PARTS[part]}变了（{versions}）")
    return found + [f"{PARTS[part]} 变了（{old.get(part)} → {new.get(part)}）" for part in ("kernel", "python")
                    if old.get(part) != new.get(part)]
