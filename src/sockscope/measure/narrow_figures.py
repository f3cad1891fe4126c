"""细网线上的四张图：三种算法的拥塞窗口，窗口与吞吐，队列与来回时间，丢失与吞吐。

    from sockscope.measure.narrow_figures import cwnd_tracks, window_curve, queue_curve, loss_curve
    cwnd_tracks()                  # 书里的那一份
    measure_narrow()               # 在这台机器上重新量，四五分钟，得到四张
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from sockscope.cells.made import made
from sockscope.measure.narrow import (
    ALGORITHMS,
    LOSSES,
    QUEUE,
    QUEUES,
    RATE,
    ROUND_TRIP,
    TRIPS,
    Narrow,
    Transfer,
    load_narrow,
    measure,
)
from sockscope.render import chart, framed
from sockscope.render.palette import chart_stylesheet
from sockscope.render.sheets import Sheeted
from sockscope.render.strips import Mark, Strip, strips

__all__ = ["NarrowFigure", "cwnd_tracks", "loss_curve", "measure_narrow", "queue_curve", "window_curve"]

ON_THE_CABLE = 1500  # 一段连首部在网线上占多少字节
Draw = Callable[[Narrow, bool, bool], str]


def bits(rate: float) -> str:
    """每秒几比特：``9.4 Mbit/s``、``320 kbit/s``。"""
    return f"{rate / 1e6:.3g} Mbit/s" if rate >= 1e6 else f"{rate / 1e3:.3g} kbit/s"


def mega(rate: float) -> str:
    """刻度上的兆比特：``0.5``、``10``。"""
    return f"{rate / 1e6:g}"


def milli(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


# ---------------------------------------------------------------- 图

def cwnd_svg(made: Narrow, narrow: bool = False, styled: bool = True) -> str:
    """拥塞窗口随时间：一种算法一条。"""
    holds = RATE / 8 * ROUND_TRIP / ON_THE_CABLE  # 网线上放得下几段
    found = [(place, t) for place, name in enumerate(ALGORITHMS) for t in made.of("algorithms", name)]
    shown = [Strip(t.algorithm, [(s.at / 1000, float(s.cwnd)) for s in t.samples], place) for place, t in found]
    words = "；".join(f"{t.algorithm} 最大 {max(s.cwnd for s in t.samples)} 段，重传 {t.again} 段" for _, t in found)
    return strips(shown, [Mark(holds, "网线"), Mark(holds + QUEUE, "＋队列")], lambda n: f"{n:.0f}",
                  title="拥塞窗口（段）随时间", description=f"{words}。", narrow=narrow, styled=styled)


def window_svg(made: Narrow, narrow: bool = False, styled: bool = True) -> str:
    """吞吐随接收窗口，两种来回时间。"""
    lines = []
    for place, trip in enumerate(TRIPS):
        points = [(float(t.window), t.goodput * 8.0) for t in made.groups["windows"] if t.trip == trip]
        lines.append(chart.Curve(f"来回 {milli(trip)}", points, place, place))
    xs = sorted({x for line in lines for x, _ in line.points})
    words = "；".join(f"{line.name}：窗口 {line.points[0][0]:,.0f} 字节时 {bits(line.points[0][1])}，"
                     f"{line.points[-1][0]:,.0f} 字节时 {bits(line.points[-1][1])}" for line in lines)
    return chart.curves([chart.Panel("每秒送到多少（Mbit/s）", lines)], xs, lambda n: f"{n / 1000:.0f}k", mega, narrow=narrow,
                        styled=styled, title="接收窗口与吞吐", description=f"{words}。")


def _by_algorithm(made: Narrow, group: str, x: Callable[[Transfer], float], y: Callable[[Transfer], float]) -> list[chart.Curve]:
    return [chart.Curve(name, [(x(t), y(t)) for t in found], place, place)
            for place, name in enumerate(ALGORITHMS) if (found := made.of(group, name))]


def queue_svg(made: Narrow, narrow: bool = False, styled: bool = True) -> str:
    """来回时间随队列的长短。"""
    lines = _by_algorithm(made, "queues", lambda t: t.queue, lambda t: t.rtt)
    words = "；".join(f"{line.name} 从 {milli(line.points[0][1])} 到 {milli(line.points[-1][1])}" for line in lines)
    return chart.curves([chart.Panel("来回一次要多久", lines)], [float(n) for n in QUEUES], lambda n: f"{n:.0f}", milli,
                        narrow=narrow, styled=styled, title="队列与来回时间", description=f"{words}。")


def loss_svg(made: Narrow, narrow: bool = False, styled: bool = True) -> str:
    """吞吐随丢失率。"""
    lines = _by_algorithm(made, "losses", lambda t: t.loss, lambda t: t.goodput * 8.0)
    words = "；".join(f"{line.name} 从 {bits(line.points[0][1])} 到 {bits(line.points[-1][1])}" for line in lines)
    return chart.curves([chart.Panel("每秒送到多少（Mbit/s）", lines)], list(LOSSES), lambda p: f"{p * 100:g}%", mega,
                        narrow=narrow, styled=styled, title="丢失与吞吐", description=f"{words}。")


FIGURES: dict[str, tuple[Draw, str]] = {
    "algorithms": (cwnd_svg, f"拥塞窗口是几段：网线 {RATE / 1e6:g} Mbit/s，来回 {milli(ROUND_TRIP)}，排得下 {QUEUE} 个包"),
    "windows": (window_svg, f"接收窗口与吞吐：网线 {RATE / 1e6:g} Mbit/s（横轴是通告过的最大窗口，字节）"),
    "queues": (queue_svg, f"队列与来回时间：网线来回 {milli(ROUND_TRIP)}（横轴是排得下几个包）"),
    "losses": (loss_svg, f"丢失与吞吐：来回 {milli(ROUND_TRIP)}，排得下 {QUEUE} 个包（横轴是每个包丢失的概率）"),
}


def told(one: Transfer) -> list[str]:
    """表里的一行。"""
    return [one.algorithm, milli(one.trip), str(one.queue), f"{one.loss * 100:g}%", f"{one.window:,}", bits(one.goodput * 8),
            milli(one.rtt), str(max(s.cwnd for s in one.samples)), str(one.again)]


class NarrowFigure(Sheeted):
    """一组传输的图、来历和数目。``group`` 是 ``FIGURES`` 里的一个。"""

    SHEETS = ("measure/panel.css",)
    HEADS = ("算法", "来回", "队列", "丢失", "最大的接收窗口", "送到", "实际来回", "最大的拥塞窗口", "重传（段）")

    def __init__(self, made: Narrow, group: str) -> None:
        self.made, self.group = made, group

    def page_html(self) -> str:
        draw, caption = FIGURES[self.group]
        picture = framed(draw(self.made, False, False), draw(self.made, True, False))
        heads = "".join(f"<th>{head}</th>" for head in self.HEADS)
        rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in told(t)) + "</tr>" for t in self.made.groups[self.group])
        return (f'<div class="sockscope-measured"><style>{chart_stylesheet()}</style><figure><figcaption>{caption}</figcaption>'
                f"{picture}</figure><p>{escape(self.made.origin)}</p><details><summary>数目</summary><div><table><thead><tr>"
                f"{heads}</tr></thead><tbody>{rows}</tbody></table></div></details></div>")

    def __repr__(self) -> str:
        return "\n".join([self.made.origin, *("  ".join(told(t)) for t in self.made.groups[self.group])])


@made()
def cwnd_tracks() -> NarrowFigure:
    """三种算法的拥塞窗口，书里的那一份。"""
    return NarrowFigure(load_narrow(), "algorithms")


@made()
def window_curve() -> NarrowFigure:
    """窗口与吞吐，书里的那一份。"""
    return NarrowFigure(load_narrow(), "windows")


@made()
def queue_curve() -> NarrowFigure:
    """队列与来回时间，书里的那一份。"""
    return NarrowFigure(load_narrow(), "queues")


@made()
def loss_curve() -> NarrowFigure:
    """丢失与吞吐，书里的那一份。"""
    return NarrowFigure(load_narrow(), "losses")


def measure_narrow() -> list[NarrowFigure]:
    """在这台机器上重新量，四五分钟，四张图。"""
    found = measure()
    return [NarrowFigure(found, group) for group in FIGURES if found.groups[group]]
