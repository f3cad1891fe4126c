"""一份答卷迟了多久：拿平台写的时刻与截止时刻比。平台只说迟了、没有写时刻的，问教师，不猜。"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sockscope.grading.course.intake import Paper
from sockscope.grading.course.layouts import LAYOUTS
from sockscope.grading.course.rules import Extension, Rules, told
from sockscope.grading.exam.lab import Lab

__all__ = ["Lateness", "lateness"]

NONE = timedelta()


@dataclass(frozen=True)
class Lateness:
    """``by`` 是迟了多久，按时是零；平台说迟交而没有写时刻的为 None。``extended`` 是教师给的宽限。"""

    by: timedelta | None
    due: datetime | None = None
    extended: Extension | None = None

    @property
    def late(self) -> bool:
        return self.by is None or self.by > NONE

    def __str__(self) -> str:
        """给人看的一句；按时的为空。"""
        given, why = self.extended or Extension(), f"（{self.extended.why}）" if self.extended and self.extended.why else ""
        if self.by is None:
            return "迟交"
        if given.late is not None:
            return (f"老师算作迟交 {told(self.by)}" if self.late else "老师算作按时") + why
        said = [f"迟交 {told(self.by)}"] if self.late else []
        if given.until:
            said.append(f"宽限到 {given.until[:16].replace('T', ' ')}{why}")
        return "，".join(said)


def lateness(rules: Rules, lab: Lab, paper: Paper, keys: Iterable[str]) -> Lateness:
    """``keys`` 是这个人（或这一组的每个人）在规矩里的写法（``Somebody.keys``）。"""
    known = rules.extensions.get(lab.name, {})
    mine = max((known[k] for k in keys if k in known), key=lambda e: (e.late is not None, e.until), default=None)
    due = datetime.fromisoformat(mine.until) if mine and mine.until else rules.deadline(lab)
    if mine and mine.late is not None:
        return Lateness(timedelta(seconds=mine.late), due, mine)
    when = datetime.fromisoformat(paper.attempt) if paper.attempt else None
    if LAYOUTS.get(paper.layout, LAYOUTS["hand"]).marks:  # 时刻是打包的时刻，说不了迟了多久
        return Lateness(None if paper.late else NONE, due, mine)
    if due and when:
        return Lateness(max(when - due, NONE), due, mine)
    return Lateness(None if paper.late and not mine else NONE, due, mine)
