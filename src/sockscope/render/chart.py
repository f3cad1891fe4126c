"""两种统计图：一行一种的分布（``ridges``），几条对数曲线（``curves``）。

与三轨图同一套颜色和字体，跟着页面明暗；宽窄两版，没有脚本。从不只靠颜色：语言与种类另有虚实、记号和写在旁边的名字。
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from sockscope.render.measure import width
from sockscope.render.palette import chart_stylesheet

__all__ = ["NARROW", "WIDE", "Curve", "Panel", "Ridge", "Row", "curves", "framed_svg", "label", "ridges"]

WIDE, NARROW = 700, 360
STEPS = (1, 2, 5)
CROWDED = 100  # 纵轴跨过这么多倍，刻度就只写 10 的整数次方
RISE, UNDER = 34, 17  # 一行里山的高度，和它脚下写数目的地方
MARKS = ("circle", "square", "triangle")
Point = tuple[float, float]
Spot = tuple[float, float]  # (中点, 宽)
Unit = Callable[[float], str]


@dataclass(frozen=True)
class Ridge:
    """一座山：``points`` 是 (值, 高)，``median`` 和 ``label`` 写在山脚。``style`` 是 0、1、2……，定颜色和虚实。"""

    points: list[Point]
    median: float
    label: str
    style: int = 0


@dataclass(frozen=True)
class Row:
    """一行：名字和其中的山。"""

    name: str
    ridges: list[Ridge]


@dataclass(frozen=True)
class Curve:
    """一条曲线。``family`` 定颜色，``member`` 定虚实和记号，``name`` 写在右端。"""

    name: str
    points: list[Point]
    family: int
    member: int


@dataclass(frozen=True)
class Panel:
    """一格：标题和其中的曲线。"""

    title: str
    curves: list[Curve]


class _Scale:
    """对数刻度：值 → 像素。"""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value: float) -> float:
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.start + min(share, 1.0) * (self.end - self.start)

    def ticks(self, steps: tuple[int, ...] = STEPS) -> Iterator[float]:
        for power in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1):
            for step in steps:
                if self.low <= step * 10.0 ** power <= self.high:
                    yield step * 10.0 ** power


def ridges(rows: list[Row], legend: list[str], span: tuple[float, float], unit: Unit, *,
           title: str, description: str, narrow: bool = False, styled: bool = True) -> str:
    """分布图：横轴是对数，每行一种，每座山的高度各自归一。``span`` 之外的压在边上。``styled`` 为假则不带样式表。"""
    wide = NARROW if narrow else WIDE
    left = 10 if narrow else 24 + max(width(row.name, 12) for row in rows)
    x = _Scale(*span, left, wide - 14)
    top, each = 30.0, RISE + UNDER + (18 if narrow else 6)
    bottom = top + each * len(rows)
    parts = [_legend(legend, left), *(_column(x(t), top, bottom, unit(t)) for t in x.ticks())]
    for place, row in enumerate(rows):
        foot = top + each * (place + 1) - UNDER
        name = label(left if narrow else left - 12, foot - RISE - 3 if narrow else foot - 2, row.name,
                          "start" if narrow else "end", "name")
        parts += [f'<line class="life" x1="{left:.1f}" x2="{wide - 14}" y1="{foot:.1f}" y2="{foot:.1f}"/>',
                  name, *_mountains(row, x, foot)]
    return framed_svg(wide, bottom + 24, title, description, parts, styled)


def _mountains(row: Row, x: _Scale, foot: float) -> Iterator[str]:
    for ridge, spot in zip(row.ridges, _beside([(x(r.median), width(r.label, 12)) for r in row.ridges]), strict=True):
        peak = max(height for _, height in ridge.points)
        path = " ".join(f"L{x(v):.1f} {foot - RISE * h / peak:.1f}" for v, h in ridge.points)
        first, last, at = x(ridge.points[0][0]), x(ridge.points[-1][0]), x(ridge.median)
        yield (f'<g class="ridge r{ridge.style}"><path class="area" d="M{first:.1f} {foot:.1f} {path} L{last:.1f} {foot:.1f}Z"/>'
               f'<line class="tickmark" x1="{at:.1f}" x2="{at:.1f}" y1="{foot - 5:.1f}" y2="{foot + 3:.1f}"/>'
               + label(spot, foot + 13, ridge.label, "middle", "value halo") + "</g>")


def _beside(labels: list[Spot]) -> list[float]:
    """几个 (想在哪里, 多宽) 的字排在一行上，挤了就向两边让：返回各自的中点。"""
    order = sorted(range(len(labels)), key=lambda k: labels[k][0])
    placed = [at for at, _ in labels]
    for left, right in pairwise(order):
        lack = (labels[left][1] + labels[right][1]) / 2 + 8 - (placed[right] - placed[left])
        if lack > 0:
            placed[left] -= lack / 2
            placed[right] += lack / 2
    return placed


def curves(panels: list[Panel], xs: list[float], x_unit: Callable[[float], str], y_unit: Unit, *,
           title: str, description: str, narrow: bool = False, styled: bool = True) -> str:
    """几格对数曲线，纵轴相同；窄的一版上下排。名字写在每条的右端，挤了就上下挪开。"""
    wide = NARROW if narrow else WIDE
    across = 1 if narrow else len(panels)
    values = [y for p in panels for c in p.curves for _, y in c.points]
    span = min(values) / 1.4, max(values) * 1.4
    room = max(width(c.name, 11) for p in panels for c in p.curves) + 14
    each, tall = (wide - 12) / across, 230.0
    parts = []
    for place, panel in enumerate(panels):
        left, top = 6 + each * (place % across) + 52, 34 + (tall + 66) * (place // across)
        x = _Scale(xs[0], xs[-1], left, left - 52 + each - room)
        y = _Scale(*span, top + tall, top)
        parts += [label(left, top - 14, panel.title, "start", "host"), *_frame(x, y, xs, x_unit, y_unit), *_lines(panel, x, y)]
    return framed_svg(wide, 34 + (tall + 66) * math.ceil(len(panels) / across) - 30, title, description, parts, styled)


def _frame(x: _Scale, y: _Scale, xs: list[float], x_unit: Unit, y_unit: Unit) -> Iterator[str]:
    for value in y.ticks((1,) if y.high / y.low > CROWDED else STEPS):
        yield f'<line class="grid" x1="{x.start:.1f}" x2="{x.end:.1f}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield label(x.start - 6, y(value) + 4, y_unit(value), "end", "tick")
    for value in xs:
        yield f'<line class="axis" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{y.start:.1f}" y2="{y.start + 4:.1f}"/>'
        yield label(x(value), y.start + 17, x_unit(value), "middle", "tick")
    yield f'<line class="axis" x1="{x.start:.1f}" x2="{x.end:.1f}" y1="{y.start:.1f}" y2="{y.start:.1f}"/>'


def _lines(panel: Panel, x: _Scale, y: _Scale) -> Iterator[str]:
    heights = _apart([y(c.points[-1][1]) + 4 for c in panel.curves], 14.0)
    for curve, height in zip(panel.curves, heights, strict=True):
        spots = [(x(a), y(b)) for a, b in curve.points]
        path = "M" + " L".join(f"{a:.1f} {b:.1f}" for a, b in spots)
        marks = "".join(_mark(curve.member, a, b) for a, b in spots)
        yield (f'<g class="curve f{curve.family} m{curve.member}"><path class="line" d="{path}"/>{marks}'
               + label(x.end + 8, height, curve.name, "start", "name") + "</g>")


def _apart(wanted: list[float], gap: float) -> list[float]:
    """每个高度挪开到至少相隔 ``gap``，尽量不动：先往下推，整体再退回一半。"""
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    placed = dict.fromkeys(order, 0.0)
    floor = -math.inf
    for k in order:
        floor = placed[k] = max(wanted[k], floor + gap)
    drift = sum(placed[k] - wanted[k] for k in order) / len(order)
    return [placed[k] - drift for k in range(len(wanted))]


def _mark(member: int, x: float, y: float) -> str:
    if MARKS[member % 3] == "circle":
        return f'<circle class="spot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    if MARKS[member % 3] == "square":
        return f'<rect class="spot" x="{x - 2.8:.1f}" y="{y - 2.8:.1f}" width="5.6" height="5.6"/>'
    return f'<polygon class="spot" points="{x:.1f},{y - 3.6:.1f} {x - 3.4:.1f},{y + 2.6:.1f} {x + 3.4:.1f},{y + 2.6:.1f}"/>'


def _column(x: float, top: float, bottom: float, text: str) -> str:
    return (f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>'
            + label(x, bottom + 14, text, "middle", "tick"))


def _legend(names: list[str], left: float) -> str:
    parts, x = [], left
    for style, name in enumerate(names):
        parts.append(f'<g class="ridge r{style}"><path class="area" d="M{x:.1f} 18 L{x + 11:.1f} 6 L{x + 22:.1f} 18Z"/>'
                     + label(x + 28, 17, name, "start", "value") + "</g>")
        x += 28 + width(name, 12) + 24
    return "".join(parts)


def label(x: float, y: float, text: str, anchor: str, style: str) -> str:
    """一处文字。"""
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def framed_svg(wide: int, tall: float, title: str, description: str, parts: list[str], styled: bool) -> str:
    """一张图的外框：``wide``、``tall`` 像素；``title`` 与 ``description`` 是文字的替代。"""
    shape = "narrow" if wide == NARROW else "wide"
    sheet = f"<style>{chart_stylesheet()}</style>" if styled else ""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="sockscope chart {shape}" role="img" '
            f'viewBox="0 0 {wide} {tall:.0f}" width="{wide}" height="{tall:.0f}" style="max-width:100%;height:auto" '
            f'aria-label="{escape(title)}。{escape(description)}">'
            f"{sheet}{''.join(parts)}</svg>")
