"""时间轴上的刻度，和网线断着的时段：高度都从排好的时间轴上来。"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from sockscope.render.figure import Figure, Label
from sockscope.render.labels import round_duration
from sockscope.render.timeline import Ruler
from sockscope.trace import Action, Trace

__all__ = ["outages", "ticks"]

CLOSE = 32  # 两行字的中心隔这么高，就一定碰不着


def ticks(figure: Figure) -> list[tuple[float, Label]]:
    """刻度 (高度, 字)。没有时间轴那一列的窄图，字写在空处；碰着别的字就不写。"""
    metrics = figure.columns.metrics
    taken: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for box in (label.box() for label in figure.labels()):
        taken[int(box[1] // CLOSE)].append(box)
    size, found = metrics.small, []
    for y, t in figure.ruler.ticks(34, 72):
        label = Label(metrics.axis - 8, y + 4, round_duration(t), size, "end", "tick")
        label = replace(label, x=max(label.x, label.box()[2]))  # 很长的也不越出左边
        if metrics.name == "narrow":
            label = Label(metrics.axis, y + 4, label.text, size, "start", "tick")
            row = int(label.box()[1] // CLOSE)
            if any(_near(label, box) for near in (row - 1, row, row + 1) for box in taken.get(near, ())):
                continue
        found.append((y, label))
    return found


def _near(label: Label, box: tuple[float, ...]) -> bool:
    x, y, wide, high, _ = label.box()
    return abs(x - box[0]) < (wide + box[2]) / 2 + 4 and abs(y - box[1]) < (high + box[3]) / 2 + 1


def outages(trace: Trace, ruler: Ruler, bottom: float) -> list[tuple[int, float, float]]:
    """每根网线断着的时段：(网线, 上, 下)。"""
    found, since = [], {}
    for event in trace.events:
        if isinstance(event, Action) and event.name in ("cut", "join") and event.where.startswith("cable"):
            cable = int(event.where.removeprefix("cable"))
            if event.name == "cut":
                since[cable] = ruler.y(event.t)
            elif cable in since:
                found.append((cable, since.pop(cable), ruler.y(event.t)))
    return found + [(cable, y, bottom) for cable, y in since.items()]
