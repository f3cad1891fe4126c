"""给读者看的一份：两张图、数目、一个“在这台机器上重新量”的按钮。

Lab 里按了按钮就现场量，有进度，可以叫停；书页里是静态的一份，放录制。
"""

from __future__ import annotations

import threading
from html import escape

import ipywidgets
import traitlets

from sockscope.cells.made import made
from sockscope.measure.race import NO_COMPILER, SIZES, measure
from sockscope.measure.results import KINDS, Measurement, recorded
from sockscope.render import chart, framed
from sockscope.render.palette import chart_stylesheet
from sockscope.render.sheets import Sheeted, style

__all__ = ["Figure", "Remeasure", "comparison", "figures"]

FAMILIES = {"unix_stream": (0, 0), "unix_seqpacket": (0, 1), "unix_dgram": (0, 2), "tcp": (1, 0), "tcp_nodelay": (1, 1),
            "udp": (2, 0)}  # 曲线的颜色与虚实
SHEETS = ("measure/panel.css",)


# ---------------------------------------------------------------- 数目写成字

def micro(nanoseconds: float) -> str:
    """纳秒 → ``7.2 µs``；1 毫秒以上写毫秒。"""
    if nanoseconds >= 1e6:
        return f"{nanoseconds / 1e6:.3g} ms"
    return f"{nanoseconds / 1000:.3g} µs"


def rate(megabytes: float) -> str:
    """每秒多少：``380 MB/s``、``2.1 GB/s``。"""
    return f"{megabytes / 1000:.3g} GB/s" if megabytes >= 1000 else f"{megabytes:.3g} MB/s"


def volume(size: float) -> str:
    """字节数：``64 B``、``16 KiB``。"""
    return f"{size / 1024:g} KiB" if size >= 1024 else f"{size:g} B"


def short(size: float) -> str:
    """刻度上的字节数：``64``、``16K``。"""
    return f"{size / 1024:g}K" if size >= 1024 else f"{size:g}"


# ---------------------------------------------------------------- 图

def latency_svg(made: Measurement, narrow: bool = False, styled: bool = True) -> str:
    """来回一次要多久：一种套接字一行，一种语言一座山。"""
    languages = made.languages
    rows, words = [], []
    for kind, title in KINDS.items():
        found = [x for language in languages if (x := made.latency(language, kind))]
        rows.append(chart.Row(title, [
            chart.Ridge(x.curve, x.median, micro(x.median), languages.index(x.language)) for x in found]))
        words += [f"{title}（{x.language}）{micro(x.median)}" for x in found]
    quantiles = [x.quantiles for x in made.latencies]
    span = min(q[0] for q in quantiles) / 1.3, max(q[-2] for q in quantiles) * 1.5
    return chart.ridges([row for row in rows if row.ridges], languages, span, micro, narrow=narrow, styled=styled,
                        title="一个来回要多久", description="中位数：" + "，".join(words) + "。")


def throughput_svg(made: Measurement, narrow: bool = False, styled: bool = True) -> str:
    """一秒搬多少：一种语言一格，一种套接字一条。"""
    panels, words = [], []
    for language in made.languages:
        lines = []
        for kind, title in KINDS.items():
            flows = [f for size in SIZES if (f := made.flow(language, kind, size))]
            if flows:
                lines.append(chart.Curve(title, [(f.size, max(f.rate, 0.1)) for f in flows], *FAMILIES[kind]))
                words.append(f"{title}（{language}）从 {rate(flows[0].rate)} 到 {rate(flows[-1].rate)}")
        panels.append(chart.Panel(language, lines))
    return chart.curves(panels, [float(s) for s in SIZES], short, rate, narrow=narrow, styled=styled,
                        title="一秒搬多少", description="消息从 64 字节到 60 KiB：" + "，".join(words) + "。")


def figures(made: Measurement) -> str:
    """两张图、来历和数目，HTML；图的样式表只放一份。"""
    pictures = "".join(
        f"<figure><figcaption>{caption}</figcaption>{framed(draw(made, styled=False), draw(made, True, styled=False))}</figure>"
        for caption, draw in (("一个来回要多久（64 字节，两个进程在同一个核上；山脚是中位数）", latency_svg),
                              ("一秒搬多少（收到的，横轴是一条消息的字节数）", throughput_svg)))
    missing = f"<p>{NO_COMPILER}</p>" if "C" not in made.languages else ""
    return (f'<div class="sockscope-measured"><style>{chart_stylesheet()}</style>{pictures}'
            f'<p>{escape(made.origin)}</p>{missing}{_table(made)}</div>')


def _table(made: Measurement) -> str:
    rows = []
    for x in made.latencies:
        flows = [made.flow(x.language, x.kind, size) for size in SIZES]
        cells = [micro(x.median), micro(x.quantiles[-1]), *(f"{f.rate:,.0f}" if f else "" for f in flows)]
        lost = max((f.lost for f in flows if f), default=0.0)
        rows.append(f"<tr><td>{x.language}</td><td>{KINDS[x.kind]}</td>" + "".join(f"<td>{c}</td>" for c in cells)
                    + f"<td>{f'至多 {lost:.0%}' if lost else '无'}</td></tr>")
    heads = ["语言", "套接字", "中位数", "99%", *(f"{volume(s)}" for s in SIZES), "丢失"]
    return (f"<details><summary>数目（搬运的单位是 MB/s）</summary><div><table><thead><tr>"
            f"{''.join(f'<th>{h}</th>' for h in heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></details>")


class Figure(Sheeted):
    """静态书页里的一份。"""

    SHEETS = SHEETS

    def __init__(self, made: Measurement) -> None:
        self.made = made

    def page_html(self) -> str:
        return figures(self.made)

    def __repr__(self) -> str:
        return "\n".join([self.made.origin, *(f"{x.language}  {KINDS[x.kind]}  {micro(x.median)}" for x in self.made.latencies)])


# ---------------------------------------------------------------- 部件

class Remeasure(ipywidgets.VBox):
    """现场的一份：先放录制，按了按钮就在这台机器上重新量一遍。``made`` 是正在显示的那一份。"""

    made = traitlets.Instance(Measurement)

    def __init__(self, made: Measurement) -> None:
        self.button = ipywidgets.Button(description="在这台机器上重新量", icon="play", layout={"width": "auto"})
        self.bar = ipywidgets.IntProgress(layout={"visibility": "hidden"})
        self.said = ipywidgets.Label()
        self.picture = ipywidgets.HTML(layout={"width": "100%"})  # 图要知道自己有多宽
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None
        super().__init__([ipywidgets.HBox([self.button, self.bar, self.said]), self.picture], made=made)
        self.button.on_click(lambda _: self.press())

    @traitlets.observe("made")
    def _shown(self, change: traitlets.Bunch) -> None:
        self.picture.value = style(*SHEETS) + figures(change["new"])

    def press(self) -> None:
        """没有在量就开始；正在量就叫停。"""
        if self.thread is not None:
            self.stopping.set()
            return
        self.stopping.clear()
        self.button.description, self.button.icon, self.bar.layout.visibility = "停下", "stop", "visible"
        self.thread = threading.Thread(target=self._work, name="measure", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        """量一遍。什么样的失败都变成一句话：后台线程的回溯谁也看不到。"""
        try:
            made = measure(self._progress)
            self.said.value = "停下了，图还是原来的。" if made is None else compared(made, recorded())
            self.made = made or self.made
        except Exception as error:
            self.said.value = f"没有量成：{error}"
        finally:
            self.button.description, self.button.icon, self.bar.layout.visibility = "再量一遍", "play", "hidden"
            self.thread = None

    def _progress(self, done: int, total: int, what: str) -> bool:
        self.bar.max, self.bar.value, self.said.value = total, done, what
        return not self.stopping.is_set()


def compared(mine: Measurement, book: Measurement) -> str:
    """一句话：TCP 的来回是 Unix 字节流的几倍，你的机器与书上。"""
    def times(made: Measurement) -> str:
        language = made.languages[0]
        unix, tcp = made.latency(language, "unix_stream"), made.latency(language, "tcp")
        return f"{tcp.median / unix.median:.1f}" if unix and tcp else "？"
    return f"TCP 的一个来回是 Unix 字节流的 {times(mine)} 倍（书上 {times(book)} 倍）。"


def printed() -> Figure:
    """书页里的一份：放录制。"""
    return Figure(recorded())


@made(page=printed)
def comparison() -> Remeasure:
    """测量的图：先放录制，可以在这台机器上重新量。"""
    return Remeasure(recorded())
