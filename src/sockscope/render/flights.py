"""网线上的箭头：从哪里到哪里，写什么字，由哪几次调用引出。高度已经由时间轴定好。"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sockscope.render.causes import fellows
from sockscope.render.columns import Columns, Net
from sockscope.render.discards import WHY
from sockscope.render.figure import LIFT, Arrow, Label
from sockscope.render.labels import Caption, caption, packet_kind
from sockscope.render.measure import cut, width
from sockscope.render.timeline import Anchor
from sockscope.trace import Packet, Trace

__all__ = ["Flights", "alike", "flight"]

HALFWAY = 0.62  # 没有送达的箭头停在哪里
LEAST = 52  # 网线再窄，字也有这么宽
NEAR = 110  # 一次调用引出好几个包：第一个总连着，别的只连这么近的
ALIKE = 4  # 一连这么多个一模一样的，画得密，合写一处


def alike(trace: Trace) -> dict[int, int]:
    """一连几个同向、同字、送达了的包：下标 → 其中第一个的下标。纯 ACK 各有各的号码，不算。"""
    found: dict[int, int] = {}
    runs: dict[tuple[int, str], list[int]] = {}
    for index, packet in enumerate(trace.events):
        if not isinstance(packet, Packet):
            continue
        run = runs.setdefault((packet.cable, packet.src), [])
        if run and _same(trace.events[run[-1]], packet):
            run.append(index)
        else:
            run = runs[packet.cable, packet.src] = [index]
        if len(run) >= ALIKE:
            found |= dict.fromkeys(run if len(run) == ALIKE else run[-1:], run[0])
    return found


def _same(one: object, two: Packet) -> bool:
    if not isinstance(one, Packet) or (one.source, one.target) != (two.source, two.target) or None in (one.end, two.end):
        return False
    return one.fate == two.fate == "delivered" and packet_kind(one) == packet_kind(two) != "ack" \
        and caption(one).text == caption(two).text


def flight(trace: Trace) -> dict[int, int]:
    """没有送达的包 → 它本来该飞多久：同向的上一个飞了多久，没有就是网线的时延。"""
    found: dict[int, int] = {}
    last: dict[tuple[int, str], int] = {}
    for index, packet in enumerate(trace.events):
        if not isinstance(packet, Packet):
            continue
        way = packet.cable, packet.src
        if packet.end is not None:
            last[way] = packet.end - packet.t
        else:
            found[index] = last.get(way) or max(1, trace.cables[packet.cable].delay if trace.cables else 1)
    return found


@dataclass(slots=True)
class Flights:
    """画箭头要知道的一切。``part`` 是字在箭头的几分之几处；``inner`` 是各端点的道号，``words`` 是每次调用的头一行字多宽。"""

    trace: Trace
    columns: Columns
    at: Mapping[tuple[str, int], Anchor]
    bottom: float
    why: dict[int, int]
    details: dict[int, list[str]]
    discarded: dict[int, int]
    alike: dict[int, int]
    inner: dict[tuple[str, str, str], int]
    words: dict[int, float]
    part: float

    def arrows(self, shown: list[int], dots: dict[int, tuple[float, float]]) -> list[Arrow]:
        """下标在 ``shown`` 里的包；``dots`` 是每次调用的圆点在哪里。"""
        found: list[Arrow] = []
        led: set[int | None] = set()
        more = fellows(self.trace) if self.why else {}
        for index in shown:
            packet = self.trace.events[index]
            assert isinstance(packet, Packet)
            arrow = self.arrow(index, packet)
            arrow.cause = self.why.get(index)
            callers = [c for c in (arrow.cause, *more.get(index, ())) if c in dots and arrow.kind != "again"]
            arrow.origins = [self.origin(arrow, c, dots[c]) for c in callers
                             if c is not None and self.linked(arrow, c, led, dots[c][1])]
            led.update(callers)
            found.append(arrow)
        return found

    def beyond(self, host: str, x: float) -> bool:
        """中间的主机：箭头的这一端在它的调用文字的另一边。"""
        side = self.columns.sides[host]
        return x > side.text + 1 if side.anchor == "start" else x < side.text - 1

    def origin(self, arrow: Arrow, caller: int, dot: tuple[float, float]) -> tuple[float, float]:
        """引线从圆点出发；要穿过调用文字的，从文字的末尾出发。"""
        side = self.columns.sides[arrow.packet.src]
        if not self.beyond(side.host, arrow.x0):
            return dot
        away = self.words[caller] + 4
        return side.text + (away if side.anchor == "start" else -away), dot[1]

    def linked(self, arrow: Arrow, caller: int, led: set[int | None], y: float) -> bool:
        """要画引线吗：一次调用引出的第一个包总画；别的只画近处的，一模一样的一串不画。"""
        return caller not in led or (arrow.y0 - y < NEAR and self.alike.get(arrow.index, arrow.index) == arrow.index)

    def arrow(self, index: int, packet: Packet) -> Arrow:
        net = self.columns.nets[packet.cable]
        rightward = self.columns.sides[packet.src].middle < self.columns.sides[packet.dst].middle
        x0, x1 = (net.left, net.right) if rightward else (net.right, net.left)
        y0 = self.at["depart", index].y
        landing = self.at.get(("arrive", index))
        y1 = landing.y if landing else min(y0 + 30, self.bottom - 4)
        whole = packet.end is not None
        words = caption(packet)
        if index in self.discarded:
            words = replace(words, fate=WHY)
        if more := [word for word in self.details.get(index, ()) if not word.startswith(("sack", "Timestamp"))]:  # 太长，看文字版
            words = replace(words, detail=" ".join([words.detail, *more]).strip())
        if not whole:
            x1, y1 = x0 + (x1 - x0) * HALFWAY, y0 + (y1 - y0) * HALFWAY
        label = self.label(words, packet, net, (x0, y0, x1, y1))
        leads = self.lead(packet.src, packet.source, packet.target, x0), self.lead(packet.dst, packet.target, packet.source, x1)
        return Arrow(index, packet, packet_kind(packet), x0, y0, x1, y1, label, words, whole, leads,
                     discarded=index in self.discarded)

    def label(self, words: Caption, packet: Packet, net: Net, line: tuple[float, ...]) -> Label:
        x0, y0, x1, y1 = line
        whole = packet.end is not None
        part = self.part if whole else 0.44
        room = net.width * 0.9 if whole else math.hypot(x1 - x0, y1 - y0) - 4
        if clear := self.columns.clear(net):
            part, room = min(max((clear.middle - x0) / (x1 - x0), 0.1), 0.9), clear.width * 0.9
        size = self.columns.metrics.small
        choices = (f"{words.text} {words.fate}".strip(), f"{words.short or words.text} {words.fate}".strip(), words.text,
                   words.short or words.text)
        text = next((c for c in choices if width(c, size) <= room), choices[-1])
        tail = words.detail if width(f"{text} {words.detail}", size) <= room * (0.75 if not self.columns.crowded else 1) else ""
        if self.details and not tail:
            tail = cut(words.detail, size, room - width(f"{text} ", size))
        run, drop = abs(x1 - x0), (y1 - y0) * (1 if x1 > x0 else -1)
        half = (width(f"{text} {tail}".strip(), size) / 2 + 8) / max(math.hypot(run, drop), 1)
        part = min(max(part, half), max(1 - half, 0.5))  # 整行字都在箭头的两端之间
        angle = math.degrees(math.atan2(drop, run))
        x, y = x0 + (x1 - x0) * part, y0 + (y1 - y0) * part
        style, slant = "ack" * (packet_kind(packet) == "ack"), math.radians(angle)
        text = cut(text, size, max(math.hypot(run, drop) - 2, LEAST))
        return Label(x + LIFT * math.sin(slant), y - LIFT * math.cos(slant), text, size, "middle", style, angle, tail)

    def lead(self, host: str, local: str, peer: str, x: float) -> float:
        """箭头离开网线后还要穿过内侧的几条道，才到自己那一条：这段路多长（向外为正）。"""
        number = 0 if self.beyond(host, x) else self.inner.get((host, local, peer), 0)
        return number * (self.columns.sides[host].plate + 2) + 3 if number else 0.0
