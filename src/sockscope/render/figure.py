"""摆好的图：每样东西都有了坐标，还没有颜色。

所有文字都是 ``Label``，能说出自己占的方框，所以“字不压字”可以测试。
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from sockscope.render.columns import Columns
from sockscope.render.folds import Fold
from sockscope.render.labels import Caption
from sockscope.render.measure import width
from sockscope.render.timeline import Break, Ruler
from sockscope.trace import Action, Call, Packet, Queue, Ready, State, Trace

__all__ = ["LIFT", "Arrow", "Band", "Bar", "CallMark", "Figure", "Fill", "Label", "Mark", "Poll"]

LIFT = 4.0  # 箭头上的字，基线离杆多远


@dataclass(slots=True)
class Label:
    """一行字。``x``、``y`` 是基线上的锚点，``turn`` 是绕它旋转的角度（度）。"""

    x: float
    y: float
    text: str
    size: float
    anchor: str = "start"
    style: str = ""
    turn: float = 0.0
    tail: str = ""  # 同一行里接着写的小字

    def box(self) -> tuple[float, float, float, float, float]:
        """中心 x、中心 y、宽、高、转角（弧度）。"""
        wide = width(self.text, self.size) + (width(" " + self.tail, self.size) if self.tail else 0)
        shift = {"start": wide / 2, "middle": 0.0, "end": -wide / 2}[self.anchor]
        angle = math.radians(self.turn)
        up = self.size * 0.36
        return (self.x + shift * math.cos(angle) + up * math.sin(angle),
                self.y + shift * math.sin(angle) - up * math.cos(angle), wide, self.size * 0.95, angle)


@dataclass(slots=True)
class CallMark:
    """一次调用：圆点、它的字；阻塞过的另有返回的圆点和字。"""

    index: int
    call: Call
    x: float
    y: float
    labels: list[Label]
    end: float | None = None  # 返回的高度；None 表示没有阻塞，或还没有返回
    returns: list[Label] = field(default_factory=list)
    blocked: bool = False


@dataclass(slots=True)
class Arrow:
    """一个包。没有送达的停在半路。``lead`` 是 (起点, 终点) 两端穿过内侧各道的短线。"""

    index: int
    packet: Packet
    kind: str
    x0: float
    y0: float
    x1: float
    y1: float
    label: Label
    caption: Caption
    whole: bool
    lead: tuple[float, float]
    cause: int | None = None
    origins: list[tuple[float, float]] = field(default_factory=list)  # 引出它的各次调用的圆点
    discarded: bool = False  # 到了，又被主机丢掉

    def shaft(self) -> tuple[float, float, float, float, float]:
        """杆占的方框：细长的一条。"""
        dx, dy = self.x1 - self.x0, self.y1 - self.y0
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2, math.hypot(dx, dy), 1.0, math.atan2(dy, dx)


@dataclass(slots=True)
class Bar:
    """一段状态的方块；``orphan`` 是其中没有描述符的部分（上、下）。"""

    index: int
    state: State
    left: float
    right: float
    top: float
    bottom: float
    orphan: list[tuple[float, float]]
    label: Label | None
    end: int | None


@dataclass(slots=True)
class Poll:
    """一个套接字的掩码，从 ``top`` 到 ``bottom``：``bits`` 是 (事件, 那一列的左边)，``wide`` 是列宽。"""

    index: int
    ready: Ready
    bits: list[tuple[str, float]]
    wide: float
    top: float
    bottom: float
    labels: list[Label]


@dataclass(slots=True)
class Fill:
    """一个队列里有多少，从 ``top`` 到 ``bottom``：道宽 ``wide``，涂 ``level``（0 到 1）那么宽。"""

    index: int
    queue: Queue
    left: float
    wide: float
    level: float
    top: float
    bottom: float
    labels: list[Label]


@dataclass(slots=True)
class Mark:
    """实验者的动作。``net`` 为真则画在网线上。"""

    index: int
    action: Action
    left: float
    right: float
    y: float
    label: Label
    net: bool


@dataclass(slots=True)
class Band:
    """一段折起来的事件。"""

    fold: Fold
    top: float
    bottom: float
    labels: list[Label]


@dataclass(slots=True)
class Figure:
    """摆好的图。"""

    trace: Trace
    columns: Columns
    ruler: Ruler
    top: float
    bottom: float
    heads: list[Label]
    calls: list[CallMark]
    arrows: list[Arrow]
    bars: list[Bar]
    marks: list[Mark]
    bands: list[Band]
    breaks: list[tuple[Break, Label]]
    ticks: list[tuple[float, Label]]
    outages: list[tuple[int, float, float]]  # 断线的时段：网线、上、下
    polls: list[Poll]
    fills: list[Fill]

    def labels(self) -> Iterator[Label]:
        """图里（图例和页脚除外）的全部文字。"""
        yield from self.heads
        for call in self.calls:
            yield from call.labels
            yield from call.returns
        yield from (a.label for a in self.arrows if a.label.text)
        yield from (b.label for b in self.bars if b.label)
        yield from (m.label for m in self.marks)
        for poll in self.polls:
            yield from poll.labels
        for fill in self.fills:
            yield from fill.labels
        for band in self.bands:
            yield from band.labels
        yield from (label for _, label in self.breaks)
        yield from (label for _, label in self.ticks)
