"""教师定的规矩：截止时刻、迟交怎样扣分、谁可以晚交、各题几分。在课程文件夹的 ``rules.json`` 里，改了就算数，不必重批。

扣分的算法与 Canvas 的 late policy 相同：每过一天（或一小时，不满也算一个），扣满分的百分之几，扣到 ``floor`` 为止，
本来就不到 ``floor`` 的不扣。平台自己也扣的，两边只留一边。
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.exam.lab import Lab

__all__ = ["Extension", "Policy", "Rules", "change_points", "told"]

UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1)}
NAMES = {"day": "天", "hour": "小时"}


@dataclass(frozen=True)
class Policy:
    """迟交的规矩：宽限几分钟；每过一个 ``unit`` 扣满分的 ``rate`` %，扣到满分的 ``floor`` % 为止；过了 ``closed`` 天是零分。"""

    grace: float = 0.0
    rate: float = 0.0
    unit: str = "day"
    floor: float = 0.0
    closed: float | None = None

    def deduction(self, total: float, most: float, by: timedelta) -> float:
        """迟了 ``by``，从 ``total`` 分里扣几分；``most`` 是满分。"""
        if by <= timedelta(minutes=self.grace):
            return 0.0
        if self.closed is not None and by > timedelta(days=self.closed):
            return total
        lowest = min(total, most * self.floor / 100)
        left = max(total - most * self.rate / 100 * math.ceil(by / UNITS[self.unit]), lowest)
        return round(total - left, 6)

    def __str__(self) -> str:
        said = [f"宽限 {self.grace:g} 分钟"] if self.grace else []
        if self.rate:
            said.append(f"每过一{NAMES[self.unit]}扣满分的 {self.rate:g} %" +
                        (f"，最多扣到满分的 {self.floor:g} %" if self.floor else ""))
        if self.closed is not None:
            said.append(f"过了 {self.closed:g} 天是零分")
        return "，".join(said) or "迟交不扣分"


@dataclass(frozen=True)
class Extension:
    """给一个人的宽限：截止到 ``until``；或者教师说他迟了 ``late`` 秒（零就是按时）。``why`` 是原因。"""

    until: str = ""
    late: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Rules:
    """一门课的全部规矩。``due``：练习 → 时刻；``extensions``：练习 → 人 → 宽限；``points``：练习 → 题 → 分；

    ``counting``：练习 → 组 → 算谁的那一份。
    """

    late: Policy = field(default_factory=Policy)
    due: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, dict[str, Extension]] = field(default_factory=dict)
    points: dict[str, dict[str, float]] = field(default_factory=dict)
    counting: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, course: Course) -> Rules:
        """课程文件夹里的；没有定过，就是什么规矩也没有。"""
        value = course.rules()
        extensions = {lab: {who: Extension(**e) for who, e in own.items()} for lab, own in value.pop("extensions", {}).items()}
        return cls(late=Policy(**value.pop("late", {})), extensions=extensions, **value)

    def save(self, course: Course) -> None:
        write(course.root / "rules.json", dumps(asdict(self)))

    def deadline(self, lab: Lab) -> datetime | None:
        """全班的截止时刻；没有定则为 None。"""
        return datetime.fromisoformat(self.due[lab.name]) if lab.name in self.due else None

    def extended(self, lab: Lab, whose: str, extension: Extension | None) -> Rules:
        """给这个人一个宽限；None 是收回。"""
        own = {who: e for who, e in self.extensions.get(lab.name, {}).items() if who != whose}
        return self.replaced("extensions", lab, own | ({whose: extension} if extension else {}))

    def replaced(self, name: str, lab: Lab, value: Any) -> Rules:
        """``name`` 这一样规矩里，这个练习的换成 ``value``；空的就是没有。"""
        known = {k: v for k, v in getattr(self, name).items() if k != lab.name}
        changed: dict[str, Any] = {name: dict(sorted((known | ({lab.name: value} if value else {})).items()))}
        return replace(self, **changed)


def told(by: timedelta) -> str:
    """迟了多久，一句话。"""
    minutes = math.ceil(by / timedelta(minutes=1))
    if minutes < 60:
        return f"{minutes} 分钟"
    if minutes < 48 * 60:
        return f"{minutes // 60} 小时" + (f" {minutes % 60} 分钟" if minutes % 60 else "")
    return f"{minutes // 1440} 天" + (f" {hours} 小时" if (hours := minutes % 1440 // 60) else "")


def change_points(course: Course, lab: Lab, wanted: dict[str, float]) -> None:
    """改几道题的分。没有这道题、负的、书面题已经有人得分更高的，抛 ``ValueError``，一样也不改。"""
    from sockscope.grading.course import gradebook

    known = course.points(lab)
    if unknown := set(wanted) - set(known):
        raise ValueError(f"{lab.name} 没有 {'、'.join(sorted(unknown))}；有：{'、'.join(known)}。")
    if wrong := [name for name, points in wanted.items() if not 0 <= points <= 1000]:
        raise ValueError(f"{wrong[0]} 的分要在 0 与 1000 之间。")
    given = gradebook.manual_scores(course, lab)
    for name, points in wanted.items():
        if over := [s for s, own in given.items() if (own.get(name) or 0) > points]:
            raise ValueError(f"{name} 已经有 {len(over)} 人得了高于 {points:g} 分的分（{'、'.join(over[:3])}）。"
                             f"先在 formgrader 里改他们的，再改满分。")
    rules = Rules.of(course)
    rules.replaced("points", lab, rules.points.get(lab.name, {}) | wanted).save(course)
