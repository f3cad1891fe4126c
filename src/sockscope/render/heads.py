"""图的眉头：标题、各主机的名字与地址、各列的小标题。"""

from __future__ import annotations

from itertools import pairwise

from sockscope.render.columns import NARROW, Columns
from sockscope.render.declutter import overlap
from sockscope.render.figure import Label
from sockscope.render.labels import places
from sockscope.render.measure import cut, width
from sockscope.trace import Packet, Trace

__all__ = ["heads", "untouched"]

EMPTY = ("没有包", "到这里")


def heads(trace: Trace, columns: Columns, top: float) -> list[Label]:
    """眉头的全部文字；``top`` 是第一个事件的高度。"""
    metrics = columns.metrics
    found = []
    if trace.title:
        size = 14 if metrics is NARROW else 16
        found.append(Label(6, 26, cut(trace.title, size, metrics.width - 12), size, "start", "title"))
    address = places(trace)
    sides = [(host, columns.sides[host.name].middle) for host in trace.hosts]
    found += _apart([Label(x, top - 42, host.title or host.name, 13, "middle", "host") for host, x in sides])
    found += _apart([Label(x, top - 27, address[host.name], metrics.small, "middle", "soft mono") for host, x in sides])
    return found if metrics is NARROW else found + _headings(trace, columns, top - 42)


def untouched(trace: Trace, columns: Columns, top: float, bottom: float,
              taken: list[tuple[float, float, float, float, float]]) -> list[Label]:
    """什么也没有发生的那一列写明：空着不是漏画。没有抓包的不知道，不说；``taken`` 是已经占了的方框。"""
    busy = {name for event in trace.events for name in
            ((event.src, event.dst) if isinstance(event, Packet) else (getattr(event, "host", getattr(event, "where", "")),))}
    wired = {end for cable in trace.cables for end in cable.ends} if trace.capture == "cable" and trace.packets else set()
    size, found = columns.metrics.small, []
    for name in (host.name for host in trace.hosts if host.name in wired - busy):
        for y in range(round(top) + 14, round(bottom) - 14, 14):
            rows = [Label(columns.sides[name].middle, y + k * 14, row, size, "middle", "soft") for k, row in enumerate(EMPTY)]
            if not any(overlap(row.box(), box, 3) for row in rows for box in taken):
                found += rows
                break
    return found


def _apart(labels: list[Label]) -> list[Label]:
    """相邻的名字或地址挤在一起时，往两边让：第一个向左，其余向右。"""
    for left, right in pairwise(labels):
        crowd = left.x + width(left.text, left.size) / 2 + 8 - (right.x - width(right.text, right.size) / 2)
        if crowd > 0 and left is labels[0]:
            left.x -= crowd
        elif crowd > 0:
            right.x += crowd
    return labels


def _headings(trace: Trace, columns: Columns, y: float) -> list[Label]:
    """各列的小标题；与主机名挤在一起的不写。"""
    found = [Label(columns.metrics.axis - 8, y, "时刻", 11, "end", "soft")]
    if len(columns.nets) == 1:
        words = "没有抓包" if trace.capture != "cable" else "网线" if trace.packets else "没有包"
        found.append(Label(columns.nets[0].middle, y, words, 11, "middle", "soft"))
    for side in columns.sides.values():
        if abs(side.text - side.middle) > 50 and any(c.host == side.host for c in trace.calls):
            found.append(Label(side.text, y, "调用", 11, side.anchor, "soft"))
    return found
