"""一道谜题是什么，和各种题共用的几样：选项怎样凑，轨迹怎样遮。"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from sockscope.experiments import Experiment
from sockscope.render import text, words
from sockscope.render.labels import call_text, caption
from sockscope.trace import Call, Packet, Trace

__all__ = ["BLANK", "OFFERED", "Maker", "Puzzle", "Source", "blanked", "explained", "ladder", "masked_at", "named", "offer",
           "only", "recorded", "related", "short", "title", "way"]

BLANK = "？？？"
LONGEST = 26  # 一道题的轨迹至多这么多件事：再长，读不完
OFFERED = 4  # 一道题几个选项
WIDTH = 92  # 轨迹每行几格


@dataclass(frozen=True)
class Source:
    """一条录制：哪个实验，哪个变体，剪掉了哪个包（空的是没有剪）。"""

    experiment: Experiment
    values: dict[str, Any]
    trace: Trace
    cut: str = ""

    @property
    def key(self) -> str:
        return self.experiment.key(self.values)


@dataclass(frozen=True)
class Puzzle:
    """一道题。``shown`` 是给读者看的轨迹（遮住了一处，或者只留下调用），``choices`` 是 答案→说法，
    ``because`` 说为什么对，``wrong`` 是 答错的选项→为什么不是它；``source`` 是哪一条录制。
    """

    kind: str
    text: str
    shown: Trace
    choices: dict[str, str]
    right: str
    because: str
    wrong: dict[str, str]
    source: Source


Maker = Callable[[Source, Random], Puzzle | None]


def short(trace: Trace) -> bool:
    """读得完：事情不多，不是别人的程序。"""
    return len(trace.events) <= LONGEST and len(trace.hosts) <= 3 and bool(trace.events) and not trace.settings.get("compares")


# ---------------------------------------------------------------- 共用

def recorded(experiment: Experiment, values: dict[str, Any]) -> Trace | None:
    try:
        return experiment.recorded(**values)
    except FileNotFoundError:
        return None


def offer(rng: Random, right: Any, others: Iterable[Any]) -> list[Any]:
    """正确的和几个别的，打乱。"""
    rest = [value for value in dict.fromkeys(others) if value != right]
    rng.shuffle(rest)
    offered = [right, *rest[:OFFERED - 1]]
    rng.shuffle(offered)
    return offered


def related(source: Source) -> Iterable[Trace]:
    return [t for values in source.experiment.variants()[:12] if (t := recorded(source.experiment, values)) is not None]


def masked_at(trace: Trace, place: int, masked: Any) -> Trace:
    """第 ``place`` 件事换成遮住的。"""
    events = list(trace.events)
    events[place] = masked
    return replace(trace, events=events, title="")


def only(trace: Trace, *kinds: str) -> Trace:
    """只留下这几种事。"""
    return replace(trace, events=[e for e in trace.events if e.kind in kinds], title="")


def ladder(trace: Trace) -> str:
    """轨迹的文字形式，不带标题、图例和脚注；地址只留端口。"""
    events = [replace(e, args=_brief(e)) if isinstance(e, Call) else e for e in trace.events]
    lines = text.render(replace(trace, events=events, title=""), width=WIDTH).splitlines()
    return "\n".join(lines[:-3])


def _brief(call: Call) -> str:
    return call_text(call, short=True).partition("(")[2][:-1]


def blanked(packet: Packet, told: str) -> Packet:
    return replace(packet, protocol=BLANK, info=told, seq=None, length=0, flags=[], note="")


def explained(trace: Trace, place: int) -> str:
    lines = words.explain(trace, place)["lines"]
    return "".join(line for line in lines if "读自内核" not in line and "离开，" not in line and "线程" not in line)


def title(trace: Trace, name: str) -> str:
    return next((h.title or h.name for h in trace.hosts if h.name == name), name)


def named(trace: Trace, packet: Packet) -> str:
    """一个包叫什么：``客户端发往服务器的 SYN``。"""
    return f"{way(trace, packet)}的 {caption(packet).text}"


def way(trace: Trace, packet: Packet) -> str:
    return f"{title(trace, packet.src)}发往{title(trace, packet.dst)}"
