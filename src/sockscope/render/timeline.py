"""时间轴：什么时刻画在什么高度。

工作原理
--------
高度是时刻的单调函数，全图共用一个，所以横着看总是同时。大部分地方按比例；两处例外，刻度照实写出：

撑开  一列里的两行字至少隔一行高，箭头至少有一点斜，间隔不够就撑开；
折断  很久没有任何事发生的一段，画成固定高度的断口，写明静默了多久。

做法是把所有要落脚的时刻排好，从上到下走一遍，每个落脚点取几条下界中最大的一条。
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from statistics import median

from sockscope.trace import Packet, Trace

__all__ = ["Anchor", "Break", "Ruler", "Stretch", "rule"]

FLIGHT = 44  # 一次典型的飞行画多高
CAP = 56  # 相邻两个落脚点最多隔这么多，再久就是断口或压缩
GAP = 34  # 断口的高度
SHORT = 8  # 比例的改变短于这么高，不单画
LEAST = 20_000_000  # 短于 20 ms 的安静不算静默


@dataclass(slots=True)
class Anchor:
    """一个落脚点。``columns`` 里同名的落脚点上下不相碰：各占 ``above`` 和 ``below``。

    ``after`` 是 (另一个落脚点, 至少低多少)：箭头的两端靠它保持倾斜。
    """

    t: int
    columns: tuple[tuple[str, float, float], ...] = ()
    after: tuple[Anchor, float] | None = None
    label: tuple[str, float, float, float] | None = None  # 箭头上的字：列名、在几分之几处、间距、箭头横跨多宽
    y: float = 0.0


@dataclass(slots=True)
class Break:
    """一段静默：从 ``top`` 到 ``bottom``，其间 ``duration`` 纳秒没有任何事。"""

    top: float
    bottom: float
    duration: int
    t: int


@dataclass(slots=True)
class Stretch:
    """时间轴上比例一样的一段。``kind``：``even`` 按比例，``open`` 撑开了，``tight`` 压缩了。"""

    top: float
    bottom: float
    kind: str


@dataclass
class Ruler:
    """算好的时间轴。``y(t)`` 给出高度，``ticks`` 给出刻度。"""

    times: list[int]
    heights: list[float]
    scale: float
    breaks: list[Break] = field(default_factory=list)

    def y(self, t: int) -> float:
        """时刻 ``t`` 的高度，两个落脚点之间按比例。"""
        at = bisect_right(self.times, t)
        if not at:
            return self.heights[0]
        if at == len(self.times):
            return self.heights[-1]
        t0, t1, y0, y1 = self.times[at - 1], self.times[at], self.heights[at - 1], self.heights[at]
        return y0 + (y1 - y0) * (t - t0) / (t1 - t0)

    def t(self, y: float) -> int:
        """高度 ``y`` 处的时刻。"""
        at = bisect_right(self.heights, y)
        if not at or at == len(self.heights):
            return self.times[0 if not at else -1]
        t0, t1, y0, y1 = self.times[at - 1], self.times[at], self.heights[at - 1], self.heights[at]
        return round(t0 + (t1 - t0) * (y - y0) / (y1 - y0))

    def stretches(self) -> list[Stretch]:
        """时间轴从上到下的各段；断口不在其中。比例差一倍以上的算变了，短于 ``SHORT`` 的并进前一段。"""
        found: list[Stretch] = []
        for (t0, y0), (t1, y1) in itertools.pairwise(zip(self.times, self.heights, strict=True)):
            fair = (t1 - t0) * self.scale
            if y1 <= y0 or any(gap.top <= y0 and y1 <= gap.bottom for gap in self.breaks[self.gap(y1):][:1]):
                continue
            kind = "open" if y1 - y0 > 2 * fair else "tight" if 2 * (y1 - y0) < fair else "even"
            last = found[-1] if found and found[-1].bottom >= y0 else None
            if last and (last.kind == kind or y1 - y0 < SHORT):
                last.bottom = y1
            elif last and last.bottom - last.top < SHORT:
                last.bottom, last.kind = y1, kind
            else:
                found.append(Stretch(y0, y1, kind))
        return found

    def gap(self, y: float) -> int:
        """底边不高于 ``y`` 的断口之前有几个。"""
        return max(bisect_left(self.breaks, y, key=lambda b: b.bottom), 0)

    def ticks(self, least: float, most: float) -> list[tuple[float, int]]:
        """刻度 (高度, 时刻)：相邻两个隔 ``least`` 到 ``most``，取其间最整的数；断口里没有刻度。"""
        found, y, last = [], self.heights[0] - least, self.heights[-1]
        while y + least <= last:
            low, high = y + least, min(y + most, last)
            place = bisect_right(self.breaks, low, key=lambda b: b.bottom)
            gap = self.breaks[place] if place < len(self.breaks) and self.breaks[place].top < high else None
            if gap and gap.top <= low + 1:
                low, high = gap.bottom, min(gap.bottom + 18, last)
            elif gap:
                high = gap.top
            t = roundest(self.t(low), self.t(high))
            y = low if t is None else max(self.y(t), low)
            if t is not None and (gap is None or not gap.top < y < gap.bottom):
                found.append((y, t))
        return found


def roundest(low: int, high: int) -> int | None:
    """[low, high] 里有效数字最少的整数；细到 10 µs 还没有就是 None。"""
    step = int(10 ** len(str(max(high, 1))))
    while step >= 10_000:
        for unit in (step, step // 2, step // 5):
            if unit and (value := -(-low // unit) * unit) <= high:
                return value
        step //= 10
    return None


def rule(trace: Trace, anchors: list[Anchor], top: float, busy: list[tuple[int, int]]) -> Ruler:
    """给每个落脚点定下 ``y``，返回时间轴。``top`` 是第一个落脚点的高度；``busy`` 里的时段（路上有包，或折起来了）不算静默。"""
    anchors.sort(key=lambda a: a.t)
    if not anchors:
        return Ruler([0], [top], 1.0)
    flight = _typical_flight(trace)
    silence = max(6 * flight, LEAST)
    scale = _scale(anchors, flight, silence)
    sweep = _Sweep(scale, silence, top, busy)
    for anchor in anchors:
        sweep.place(anchor)
    return Ruler(sweep.times, sweep.heights, scale, sweep.breaks)


class _Sweep:
    """从上到下的一遍。"""

    def __init__(self, scale: float, silence: float, top: float, busy: list[tuple[int, int]]) -> None:
        self.scale, self.silence, self.top = scale, silence, top
        self.starts = sorted(start for start, _ in busy)
        self.latest = list(itertools.accumulate((end for _, end in sorted(busy)), max))  # 到这一段为止最晚的结束
        self.bottoms: dict[str, float] = {}
        self.labels: dict[str, float] = {}
        self.times: list[int] = []
        self.heights: list[float] = []
        self.breaks: list[Break] = []

    def place(self, anchor: Anchor) -> None:
        y = self.natural(anchor.t)
        for column, above, _ in anchor.columns:
            y = max(y, self.bottoms.get(column, -1e9) + above)
        if anchor.after:
            other, drop = anchor.after
            y = max(y, other.y + drop)
            if anchor.label:
                y = max(y, self.label(anchor, other, y))
        anchor.y = y
        for column, _, below in anchor.columns:
            self.bottoms[column] = y + below
        self.note(anchor.t, y)

    def natural(self, t: int) -> float:
        """按比例（或断口）该落在哪里。"""
        if not self.times:
            return self.top
        t0, y0 = self.times[-1], self.heights[-1]
        if t - t0 <= self.silence or self.is_busy(t0, t):
            return y0 + min((t - t0) * self.scale, CAP)
        floor = max([y0, *self.bottoms.values()])
        self.breaks.append(Break(floor + 2, floor + GAP - 6, t - t0, t0))
        self.bottoms.clear()
        self.labels.clear()
        self.note(t0 + 1, floor + 2)
        self.note(t - 1, floor + GAP - 6)
        return floor + GAP

    def is_busy(self, since: int, t: int) -> bool:
        """其间路上有包，或者有折起来的一段。"""
        started = bisect_left(self.starts, t)
        return started > 0 and self.latest[started - 1] > since

    def label(self, anchor: Anchor, other: Anchor, y: float) -> float:
        """箭头上的字要与同列上一支箭头的字错开，箭头因此可能要再低一点。"""
        assert anchor.label is not None
        column, part, gap, run = anchor.label
        floor = self.labels.get(column)
        gap *= (1 + ((y - other.y) / run) ** 2) ** 0.5
        if floor is not None and other.y + (y - other.y) * part < floor + gap:
            wanted = other.y + (floor + gap - other.y) / part
            y = wanted if wanted - y < CAP else y  # 差得太远就不勉强，字会自己另找地方
        self.labels[column] = other.y + (y - other.y) * part
        return y

    def note(self, t: int, y: float) -> None:
        if self.times and t <= self.times[-1]:
            self.heights[-1] = max(self.heights[-1], y)
            return
        self.times.append(t)
        self.heights.append(y)


def _typical_flight(trace: Trace) -> int:
    flights = [e.end - e.t for e in trace.events if isinstance(e, Packet) and e.end is not None]
    return round(median(flights)) if flights else 1_000_000


def _scale(anchors: list[Anchor], flight: int, silence: float) -> float:
    """每纳秒多少像素：一次飞行 44 像素；飞行太短时，按全部忙碌的时间平摊。"""
    gaps = [b.t - a.t for a, b in itertools.pairwise(anchors)]
    busy = sum(g for g in gaps if g <= silence)
    return min(FLIGHT / max(flight, 1), 8 * len(anchors) / max(busy, 1))
