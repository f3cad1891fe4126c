"""随时间变的量：几条上下排的小图，同一根时间轴，同一把尺（``strips``）。拥塞窗口就是这样画的。

与 ``chart.py`` 同一套颜色和字体；宽窄两版，没有脚本。不只靠颜色：每一条的名字写在它自己的上面。
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from sockscope.render.chart import NARROW, WIDE, framed_svg, label
from sockscope.render.measure import width

__all__ = ["Mark", "Strip", "strips"]

TALL, GAP, LEFT = 104.0, 40.0, 46.0
Point = tuple[float, float]


@dataclass(frozen=True)
class Strip:
    """一条：名字，(秒, 值) 的阶梯，颜色。"""

    name: str
    points: list[Point]
    family: int


@dataclass(frozen=True)
class Mark:
    """一条横的参考线和它的名字。"""

    value: float
    name: str


def strips(shown: list[Strip], marks: list[Mark], unit: Callable[[float], str], *, title: str, description: str,
           narrow: bool = False, styled: bool = True) -> str:
    """几条小图：横轴是秒，从 0 起；纵轴从 0 起，线性，各条相同。值超过尺的压在顶上。"""
    wide = NARROW if narrow else WIDE
    right = wide - 14 - max(width(mark.name, 11) for mark in marks)
    last = max(strip.points[-1][0] for strip in shown)
    most = max(*(value for strip in shown for _, value in strip.points), *(mark.value for mark in marks)) * 1.06
    parts: list[str] = []
    for place, strip in enumerate(shown):
        top = 26 + (TALL + GAP) * place
        scale = _Linear(LEFT, right, top + TALL, top, last, most)
        parts += [label(LEFT, top - 8, strip.name, "start", "host"), *_marks(marks, scale, place == 0, unit)]
        parts += [*_line(strip, scale), *_axis(scale, round(last), place == len(shown) - 1)]
    return framed_svg(wide, 26 + (TALL + GAP) * len(shown) - 8, title, description, parts, styled)


@dataclass(frozen=True)
class _Linear:
    """线性的尺：秒与值 → 像素。"""

    left: float
    right: float
    bottom: float
    top: float
    last: float
    most: float

    def x(self, seconds: float) -> float:
        return self.left + seconds / self.last * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - value / self.most * (self.bottom - self.top)


def _line(strip: Strip, scale: _Linear) -> Iterator[str]:
    first = strip.points[0]
    path = f"M{scale.x(first[0]):.1f} {scale.y(first[1]):.1f}"
    for (_, before), (at, value) in pairwise(strip.points):
        path += f" H{scale.x(at):.1f}" + (f" V{scale.y(value):.1f}" if value != before else "")
    yield f'<g class="curve f{strip.family} m0"><path class="line" d="{path}"/></g>'


def _marks(marks: list[Mark], scale: _Linear, named: bool, unit: Callable[[float], str]) -> Iterator[str]:
    for mark in marks:
        y = scale.y(mark.value)
        across = f'x1="{scale.left:.1f}" x2="{scale.right:.1f}" y1="{y:.1f}" y2="{y:.1f}"'
        yield (f'<line class="grid" {across} stroke-dasharray="4 3"/>'
               + label(scale.left - 6, y + 4, unit(mark.value), "end", "tick"))
        if named:
            yield label(scale.right + 6, y + 4, mark.name, "start", "tick")


def _axis(scale: _Linear, seconds: int, told: bool) -> Iterator[str]:
    yield (f'<line class="axis" x1="{scale.left:.1f}" x2="{scale.right:.1f}" y1="{scale.bottom:.1f}" y2="{scale.bottom:.1f}"/>'
           + label(scale.left - 6, scale.bottom + 4, "0", "end", "tick"))
    for second in range(0, seconds + 1, 2 if seconds > 4 else 1):
        x = scale.x(second)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{scale.bottom:.1f}" y2="{scale.bottom + 4:.1f}"/>'
        if told:
            yield label(x, scale.bottom + 17, f"{second} s", "middle", "tick")
