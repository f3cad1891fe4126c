"""字不压字，箭头不划过别人的字：调用、状态、动作的字已经各就各位，箭头上的字沿着自己的箭头找空处。

先放要紧的（RST、SYN、FIN、重传……），后放平常的。一连几个一模一样的，第一个写上一共几个，别的不写；
放不下先省去小字，再放不下就不写：它仍在悬停提示和数据里。
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sockscope.render.figure import LIFT, Arrow, Label

__all__ = ["declutter", "overlap", "stacked"]

Box = tuple[float, float, float, float, float]
# 离首选位置多远，按箭头的几分之几
PLACES = (0.0, 0.06, -0.06, 0.12, -0.12, 0.18, -0.18, 0.24, -0.24, 0.3, -0.3, 0.36, -0.36, 0.42, 0.48, 0.54)
EXPENDABLE = ("ack", "data", "datagram")
DROPPABLE = (*EXPENDABLE, "again")  # 挤在一处的好几次重传，有一个写着就够：别的是同样的颜色
CLOSE = 20  # 一连几支一模一样的，起点相隔不到这么高，才合写一处
NEAR = 120  # 这么近的地方已经写过同样的字，写不下就不写了
OVERHANG = 10  # 字可以伸出箭头的两端这么多
SNUG = 1.4  # 挤的时候，字贴着杆近这么多
CELL = 48


def overlap(one: Box, two: Box, slack: float = 0.0) -> bool:
    """两个（可能转过的）方框相交吗：分离轴定理。方框是 (中心 x, 中心 y, 宽, 高, 转角)。"""
    dx, dy = two[0] - one[0], two[1] - one[1]
    reach = (one[2] + two[2]) / 2 + (one[3] + two[3]) / 2
    if abs(dx) > reach or abs(dy) > reach:
        return False
    for angle in (one[4], two[4]):
        for axis in (angle, angle + math.pi / 2):
            ux, uy = math.cos(axis), math.sin(axis)
            if abs(dx * ux + dy * uy) >= _radius(one, axis) + _radius(two, axis) + slack:
                return False
    return True


def _radius(box: Box, axis: float) -> float:
    turn = axis - box[4]
    return abs(math.cos(turn)) * box[2] / 2 + abs(math.sin(turn)) * box[3] / 2


class _Board:
    """已经放下的方框，按格子存，查邻居不必看全图；``owner`` 是哪支箭头的杆，字则为 -1。"""

    def __init__(self) -> None:
        self.cells: dict[int, list[tuple[Box, int]]] = defaultdict(list)

    def add(self, box: Box, owner: int = -1) -> None:
        for cell in self.span(box):
            self.cells[cell].append((box, owner))

    def span(self, box: Box) -> range:
        half = (abs(math.sin(box[4])) * box[2] + box[3]) / 2 + 1
        return range(int((box[1] - half) // CELL), int((box[1] + half) // CELL) + 1)

    def free(self, box: Box, slack: float, owner: int = -2) -> bool:
        """没有压着谁；自己的杆不算。"""
        return not any(overlap(box, other, slack) for cell in self.span(box)
                       for other, whose in self.cells[cell] if whose != owner)


def declutter(arrows: list[Arrow], fixed: Iterable[Label], alike: Mapping[int, int] | None = None) -> None:
    """就地移动箭头上的字，让它们不压 ``fixed``，不互相压，也不被别的箭头划过。``alike`` 是一连几个一模一样的包。"""
    words, shafts = _Board(), _Board()
    for arrow in arrows:
        shafts.add(arrow.shaft(), arrow.index)
    movable = []
    for label in fixed:
        if label.style in ("fold", "action") and label.anchor == "middle":
            movable.append(label)
        else:
            words.add(label.box())
    for label in movable:
        _aside(label, shafts, words)
        words.add(label.box())
    told = _together(arrows, alike or {})
    written: dict[tuple[object, ...], float] = {}  # 同样的字上一次写在哪支箭头上
    for arrow in sorted(arrows, key=lambda a: (a.kind in EXPENDABLE, a.kind == "ack")):
        if arrow.index in told:
            arrow.label = told[arrow.index]
        if not arrow.label.text:
            continue
        chosen = next((label for label in _choices(arrow)
                       if words.free(label.box(), 0.5) and shafts.free(label.box(), 0.5, arrow.index)), None)
        said = arrow.packet.cable, arrow.kind, arrow.label.text
        if chosen is None and not (arrow.kind in DROPPABLE or abs(written.get(said, -NEAR) - arrow.y0) < NEAR):
            chosen = next((label for label in _choices(arrow) if words.free(label.box(), 0.5)), arrow.label)
        arrow.label = chosen or replace(arrow.label, text="", tail="")
        if chosen:
            words.add(chosen.box())
            written[said] = arrow.y0


def _aside(label: Label, shafts: _Board, words: _Board) -> None:
    """写在网线正中的字（折起来的一段、一个动作）横着让开划过它的箭头。"""
    here = label.x
    for step in range(0, 90, 6):
        for label.x in (here + step, here - step):
            if shafts.free(label.box(), 0.5) and words.free(label.box(), 0.5):
                return
    label.x = here


def stacked(labels: list[Label]) -> None:
    """排成一行的名字碰着了前面的，就往上让。"""
    for place, label in enumerate(labels):
        while any(overlap(label.box(), other.box(), -1) for other in labels[:place]):
            label.y -= label.size


def _together(arrows: list[Arrow], alike: Mapping[int, int]) -> dict[int, Label]:
    """一连几支一模一样的箭头 → 它们的字：第一支写 ``9 × 1448 B``，别的不写。"""
    found: dict[int, Label] = {}
    runs: dict[int, list[Arrow]] = {}
    for arrow in arrows:
        if arrow.index not in alike:
            continue
        run = runs.setdefault(alike[arrow.index], [arrow])
        if arrow.y0 - run[-1].y0 > CLOSE:
            run = runs[alike[arrow.index]] = [arrow]
        elif run[-1] is not arrow:
            run.append(arrow)
            found[arrow.index] = replace(arrow.label, text="", tail="")
            found[run[0].index] = replace(run[0].label, text=f"{len(run)} × {run[0].label.text}", tail="")
    return found


def _choices(arrow: Arrow) -> Iterator[Label]:
    """字可以放的各处，从最想要的起：先带着小字，再不带；先在箭头上面，再在下面。"""
    label, dx, dy = arrow.label, arrow.x1 - arrow.x0, arrow.y1 - arrow.y0
    slant = math.radians(label.turn)
    drop = LIFT + label.size * 0.76 + 3
    short = arrow.caption.short if len(arrow.caption.short) < len(label.text) and arrow.whole else ""
    for text, tail in dict.fromkeys([(label.text, label.tail), (label.text, ""), (short, "")]):
        for down in (0.0, SNUG, drop) if text else ():
            for place in PLACES:
                choice = replace(label, x=label.x + dx * place - down * math.sin(slant),
                                 y=label.y + dy * place + down * math.cos(slant), text=text, tail=tail)
                if (place == 0.0 and down == 0.0) or _within(choice.box(), arrow):
                    yield choice


def _within(box: Box, arrow: Arrow) -> bool:
    """字没有跑出箭头的两端太远。"""
    half = math.cos(box[4]) * box[2] / 2
    return min(arrow.x0, arrow.x1) - OVERHANG <= box[0] - half and box[0] + half <= max(arrow.x0, arrow.x1) + OVERHANG
