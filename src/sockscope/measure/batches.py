"""一次系统调用发几个数据报：``send()``、``sendmmsg()``、``UDP_SEGMENT``，平均一个要多久。

    from sockscope.measure.batches import measure_batches
    measure_batches()              # 在这台机器上重新量，几秒，得到一张图

量的是真的 ``lo``，不经过仪器：``chapters/c/many_sends.c`` 独自运行。收的一方绑好端口，不读，多出来的内核丢掉，所以量的只是发送。
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

from sockscope import places
from sockscope.cells.made import made
from sockscope.live.compiler import compiled
from sockscope.live.pace import patience
from sockscope.measure.conditions import date, kernel, machine, origin, output, read
from sockscope.measure.idle import micro
from sockscope.render import chart, framed
from sockscope.render.palette import chart_stylesheet
from sockscope.render.sheets import Sheeted

__all__ = ["HOW", "PLACE", "Batches", "BatchesFigure", "batch_cost", "load_batches", "measure_batches"]

FORMAT = "sockscope-batches/1"
HOW = {"send": "send()", "sendmmsg": "sendmmsg()", "segment": "UDP_SEGMENT"}
SIZES = (1, 2, 4, 8, 16, 32, 64)
COUNT, ROUNDS = 64 * 500, 5  # 一趟几个数据报，几趟取中位数
LIMIT = 60.0  # 一趟的时间上限，秒
PLACE = places.ROOT / "book" / "measurements" / "batches.json"


@dataclass(frozen=True)
class Batches:
    """一台机器上的一次测量。``took[发法][i]`` 是一批 ``SIZES[i]`` 个时，平均一个数据报几纳秒。"""

    machine: str
    kernel: str
    recorded: str = ""
    took: dict[str, list[int]] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return origin(self.recorded, self.machine, self.kernel, "100 字节的数据报", "C 程序")

    def save(self, path: Path = PLACE) -> None:
        path.write_text(json.dumps({"format": FORMAT} | asdict(self), ensure_ascii=False) + "\n", encoding="utf-8")


def load_batches(path: Path = PLACE) -> Batches:
    """读一份测量，缺省是书里的。没有抛 ``FileNotFoundError``，不合格式抛 ``MeasurementError``。"""
    return read(path, FORMAT, _built, "--batches")


def _built(value: dict[str, Any]) -> Batches:
    if {len(row) for row in value["took"].values()} != {len(SIZES)}:
        raise ValueError("took")
    return Batches(**value)


def measure(on_progress: Callable[[str], None] = lambda _: None, *, recorded: bool = False) -> Batches:
    """每种发法、每种大小的批各量几趟，几秒。没有 C 编译器抛 ``Unavailable``，一趟跑不完抛 ``OSError``。"""
    program = compiled("many_sends")
    took: dict[str, list[int]] = {how: [] for how in HOW}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        for how, title in HOW.items():
            for size in SIZES:
                on_progress(f"{title}，一批 {size} 个")
                took[how].append(round(median(_once(program, sink.getsockname()[1], how, size) for _ in range(ROUNDS))))
    return Batches(machine(), kernel(), date(recorded), took)


def _once(program: str, port: int, how: str, size: int) -> float:
    """一个数据报几纳秒。"""
    command = [program, "127.0.0.1", str(port), how, str(COUNT), str(size)]
    return int(output(command, HOW[how], patience(LIMIT)).split()[1]) / COUNT


# ---------------------------------------------------------------- 图

def batches_svg(made: Batches, narrow: bool = False, styled: bool = True) -> str:
    """横轴是一批几个，纵轴是平均一个数据报要多久，都是对数。"""
    lines = [chart.Curve(HOW[how], [(float(n), float(t)) for n, t in zip(SIZES, took, strict=True)], place, 0)
             for place, (how, took) in enumerate(made.took.items())]
    words = "，".join(f"{line.name} 一批 64 个时 {micro(line.points[-1][1])}" for line in lines)
    return chart.curves([chart.Panel("一个数据报要多久", lines)], [float(n) for n in SIZES], lambda n: f"{n:.0f}", micro,
                        narrow=narrow, styled=styled, title="一次系统调用发几个数据报", description=f"{words}。")


class BatchesFigure(Sheeted):
    """图、来历和数目。"""

    SHEETS = ("measure/panel.css",)

    def __init__(self, made: Batches) -> None:
        self.made = made

    def page_html(self) -> str:
        picture = framed(batches_svg(self.made, styled=False), batches_svg(self.made, True, styled=False))
        heads = "".join(f"<th>{head}</th>" for head in ("发法", *(f"一批 {n}" for n in SIZES)))
        rows = "".join(f"<tr><td>{HOW[how]}</td>" + "".join(f"<td>{micro(t)}</td>" for t in took) + "</tr>"
                       for how, took in self.made.took.items())
        return (f'<div class="sockscope-measured"><style>{chart_stylesheet()}</style><figure><figcaption>发一个数据报要多久'
                f"（横轴是一次交给内核几个）</figcaption>{picture}</figure><p>{escape(self.made.origin)}</p><details>"
                f"<summary>数目</summary><div><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details></div>")

    def __repr__(self) -> str:
        return "\n".join([self.made.origin, *(f"{HOW[how]}  一批 1 个 {micro(took[0])}，一批 64 个 {micro(took[-1])}"
                                              for how, took in self.made.took.items())])


@made()
def batch_cost() -> BatchesFigure:
    """书里的那一份。"""
    return BatchesFigure(load_batches())


def measure_batches() -> BatchesFigure:
    """在这台机器上重新量，几秒。"""
    return BatchesFigure(measure())
