"""一万个空闲的连接：等其中一个可读，``select()``、``poll()``、epoll、asyncio 各要多久；一个连接占多少内存。

    from sockscope.measure.idle import measure_idle
    measure_idle()                 # 在这台机器上重新量，十几秒，得到一张图

量的是真的 TCP 连接，不经过仪器：``idle_wait.py`` 独自运行，这里只负责启动它、收下数目、存取、画图。
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from statistics import median

from sockscope import places
from sockscope.cells.made import made
from sockscope.live.pace import patience
from sockscope.measure.conditions import date, kernel, machine, origin, output, read
from sockscope.render import chart, framed
from sockscope.render.palette import chart_stylesheet
from sockscope.render.sheets import Sheeted

__all__ = ["HOW", "PLACE", "Idle", "IdleFigure", "Wait", "idle_cost", "load_idle", "measure_idle"]

FORMAT = "sockscope-idle/1"
HOW = {"select": "select()", "poll": "poll()", "epoll": "epoll", "asyncio": "asyncio"}
COUNTS = (10, 100, 1000, 10_000)
MOST = {"select": 900}  # select() 只放得下 1024 号以下的描述符
FAMILIES = {"select": (0, 0), "poll": (0, 1), "epoll": (1, 0), "asyncio": (2, 0)}  # 曲线的颜色与虚实
ROUNDS = 200
LIMIT = 60.0  # 一趟的时间上限，秒
ENOUGH = 1000  # 这么多个连接，内核的内存才量得准
SPARE = 50  # 连接之外，进程自己还要几个描述符
PROGRAM = Path(__file__).with_name("idle_wait.py")
PLACE = places.ROOT / "book" / "measurements" / "idle_connections.json"


@dataclass(frozen=True)
class Wait:
    """``count`` 个空闲的连接，一个可读：等一次的中位数，纳秒。

    ``rss`` 是进程里、``slab`` 是内核里（两端合计）每个连接的字节数；连接太少时，内核早有存货，读不出来。
    """

    how: str
    count: int
    nanoseconds: int
    rss: int
    slab: int


@dataclass(frozen=True)
class Idle:
    """一台机器上的一次测量。``recorded`` 为空表示刚刚量的。"""

    machine: str
    kernel: str
    python: str
    recorded: str = ""
    waits: list[Wait] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return origin(self.recorded, self.machine, self.kernel, f"Python {self.python}")

    def took(self, how: str) -> dict[int, int]:
        """连接数 → 等一次的纳秒数。"""
        return {wait.count: wait.nanoseconds for wait in self.waits if wait.how == how}

    def largest(self, how: str) -> Wait:
        """连接最多的那一趟：内存的数目以它为准。"""
        return max((wait for wait in self.waits if wait.how == how), key=lambda wait: wait.count)

    def save(self, path: Path = PLACE) -> None:
        head = json.dumps({"format": FORMAT} | {k: v for k, v in asdict(self).items() if k != "waits"}, ensure_ascii=False)
        lines = ",\n".join(json.dumps(asdict(wait)) for wait in self.waits)
        path.write_text(f'{head[:-1]}, "waits": [\n{lines}]}}\n', encoding="utf-8")


def load_idle(path: Path = PLACE) -> Idle:
    """读一份测量，缺省是书里的。没有抛 ``FileNotFoundError``，不合格式抛 ``MeasurementError``。"""
    return read(path, FORMAT, lambda value: Idle(**value | {"waits": [Wait(**wait) for wait in value["waits"]]}), "--idle")


def measure(on_progress: Callable[[str], None] = lambda _: None, *, recorded: bool = False) -> Idle:
    """每种等法、每个连接数量一趟，十几秒。描述符不够的连接数不量。一趟跑不完抛 ``OSError``。"""
    import resource  # Windows 没有；书页在那里也读得了

    waits = []
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE
    for how in HOW:
        for count in dict.fromkeys(min(count, MOST.get(how, count)) for count in COUNTS):
            if count <= room or room < 0:  # 负的是没有上限
                on_progress(f"{HOW[how]}，{count} 个连接")
                waits.append(_one(how, count))
    return Idle(machine(), kernel(), platform.python_version(), date(recorded), waits)


def _one(how: str, count: int) -> Wait:
    command = [sys.executable, "-P", str(PROGRAM), how, str(count), str(ROUNDS)]
    told = json.loads(output(command, f"{HOW[how]} 等 {count} 个连接", patience(LIMIT)))
    return Wait(how, count, round(median(told["took"])), told["rss"], told["slab"])


# ---------------------------------------------------------------- 图

def micro(nanoseconds: float) -> str:
    """纳秒 → ``7.2 µs``；1 毫秒以上写毫秒。"""
    return f"{nanoseconds / 1e6:.3g} ms" if nanoseconds >= 1e6 else f"{nanoseconds / 1000:.3g} µs"


def waits_svg(made: Idle, narrow: bool = False, styled: bool = True) -> str:
    """横轴是空闲的连接有几个，纵轴是等一次要多久，都是对数。"""
    lines = [chart.Curve(title, [(count, took) for count, took in made.took(how).items()], *FAMILIES[how])
             for how, title in HOW.items() if made.took(how)]
    counts = sorted({wait.count for wait in made.waits if wait.how != "select"})
    words = "，".join(f"{line.name} 从 {micro(line.points[0][1])} 到 {micro(line.points[-1][1])}" for line in lines)
    return chart.curves([chart.Panel("等一次要多久", lines)], [float(count) for count in counts], lambda n: f"{n:,.0f}", micro,
                        narrow=narrow, styled=styled, title="空闲的连接与等一次的时间", description=f"{words}。")


class IdleFigure(Sheeted):
    """图、来历和数目。"""

    SHEETS = ("measure/panel.css",)

    def __init__(self, made: Idle) -> None:
        self.made = made

    def page_html(self) -> str:
        picture = framed(waits_svg(self.made, styled=False), waits_svg(self.made, True, styled=False))
        rows = "".join(f"<tr><td>{HOW[w.how]}</td><td>{w.count:,}</td><td>{micro(w.nanoseconds)}</td><td>{w.rss:,}</td>"
                       f"<td>{f'{w.slab:,}' if w.count >= ENOUGH else ''}</td></tr>" for w in self.made.waits)
        heads = "".join(f"<th>{head}</th>" for head in ("等法", "连接", "等一次", "进程里（字节）", "内核里（字节）"))
        caption = "空闲的连接里有一个可读，从去等到返回（横轴是空闲的连接数）"
        return (f'<div class="sockscope-measured"><style>{chart_stylesheet()}</style><figure><figcaption>{caption}</figcaption>'
                f"{picture}</figure><p>{escape(self.made.origin)}</p><details><summary>数目（内存是每个连接的，内核里是两端合计）"
                f"</summary><div><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details></div>")

    def __repr__(self) -> str:
        return "\n".join([self.made.origin, *(f"{HOW[w.how]}  {w.count} 个  {micro(w.nanoseconds)}" for w in self.made.waits)])


@made()
def idle_cost() -> IdleFigure:
    """书里的那一份。"""
    return IdleFigure(load_idle())


def measure_idle() -> IdleFigure:
    """在这台机器上重新量，十几秒。"""
    return IdleFigure(measure())
