"""字不压字：调用、状态、动作的字已经各就各位，箭头上的字沿着箭头找空处。

先放要紧的（RST、SYN、FIN、重传……），后放平常的；放不下先省去小字，再放不下就不写：它仍在悬停提示和数据里。
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from sockscope.render.figure import Arrow, Label

__all__ = ["declutter", "overlap"]

Box = tuple[float, float, float, float, float]
PLACES = (0.0, 0.1, -0.08, 0.2, 0.3, 0.4)  # 离首选位置多远，按箭头的几分之几
EXPENDABLE = ("ack", "data", "datagram")
DROPPABLE = (*EXPENDABLE, "again")  # 挤在一处的好几次重传，有一个写着就够：别的是同样的颜色
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
    """已经放下的方框，按格子存，查邻居不必看全图。"""

    def __init__(self, boxes: Iterable[Box]) -> None:
        self.cells: dict[int, list[Box]] = defaultdict(list)
        for box in boxes:
            self.add(box)

    def add(self, box: Box) -> None:
        for cell in self.span(box):
            self.cells[cell].append(box)

    def span(self, box: Box) -> range:
        half = (abs(math.sin(box[4])) * box[2] + box[3]) / 2 + 1
        return range(int((box[1] - half) // CELL), int((box[1] + half) // CELL) + 1)

    def free(self, box: Box) -> bool:
        return not any(overlap(box, other, 0.5) for cell in self.span(box) for other in self.cells[cell])


def declutter(arrows: list[Arrow], fixed: Iterable[Label]) -> None:
    """就地移动箭头上的字，让它们不压 ``fixed``，也不互相压。"""
    board = _Board(label.box() for label in fixed)
    for arrow in sorted(arrows, key=lambda a: (a.kind in EXPENDABLE, a.kind == "ack")):
        for label in _choices(arrow):
            if board.free(label.box()):
                arrow.label = label
                break
        else:
            if arrow.kind in DROPPABLE:
                arrow.label = replace(arrow.label, text="", tail="")
                continue
        board.add(arrow.label.box())


def _choices(arrow: Arrow) -> Iterator[Label]:
    label, dx, dy = arrow.label, arrow.x1 - arrow.x0, arrow.y1 - arrow.y0
    for tail in dict.fromkeys((label.tail, "")):
        for place in PLACES:
            choice = replace(label, x=label.x + dx * place, y=label.y + dy * place, tail=tail)
            if place == 0.0 or _within(choice.box(), arrow):
                yield choice


def _within(box: Box, arrow: Arrow) -> bool:
    """字没有跑出箭头的两端。"""
    half = math.cos(box[4]) * box[2] / 2
    return min(arrow.x0, arrow.x1) - 2 <= box[0] - half and box[0] + half <= max(arrow.x0, arrow.x1) + 2
