"""图的纵列：时刻、左边的调用、状态、网线、状态、右边的调用。

宽图与窄图的差别都在 ``Metrics`` 里。宽图的状态条宽到写得下状态名；窄图的状态条只是色条，名字写进调用那一列。
"""

from __future__ import annotations

from dataclasses import dataclass

from sockscope.render.lanes import Lane
from sockscope.trace import Call, Packet, Trace

__all__ = ["NARROW", "WIDE", "Columns", "Metrics", "Net", "Side", "call_room", "columns"]


CROWD = 0.36  # 状态条合起来至多占图的这么多
QUIET = 60  # 一个包也没有时，网线只留这么宽


@dataclass(frozen=True, slots=True)
class Metrics:
    """一种版式的尺寸，单位是 viewBox 里的像素，也就是书页上的像素：图只放大，不缩小，所以最小的字是 11 像素。"""

    name: str
    width: int
    font: float  # 调用
    small: float  # 箭头上的字、状态名、刻度
    line: float  # 一行字的高度
    axis: int  # 时间轴占的宽度；窄图只有一条边，刻度写在调用列的空处
    calls: tuple[int, int]  # 调用列最窄、最宽
    plates: tuple[int, ...]  # 有 1、2、3…… 条道时，状态条各多宽
    strand: int  # 并行线程的圆点相隔多远
    net: int  # 网线至少这么宽，调用列为它让路
    channel: int  # 没有状态条的主机，圆点与网线之间留这么宽，引线才分得开

    def plate_widths(self, counts: list[int]) -> list[int]:
        """每台主机的状态条各多宽：它有几条道，就按几条道的；合起来太占地方，一律用最窄的。"""
        wanted = [self.plates[min(n, len(self.plates)) - 1] if n else 2 for n in counts]
        if sum(n * plate for n, plate in zip(counts, wanted, strict=True)) > self.width * CROWD:
            return [self.plates[-1] if n else 2 for n in counts]
        return wanted


WIDE = Metrics("wide", 692, 11.5, 11, 16, 68, (70, 170), (74, 66, 15), 9, 170, 26)
NARROW = Metrics("narrow", 344, 11, 11, 14, 5, (60, 92), (10, 8, 6), 7, 104, 12)


@dataclass(slots=True)
class Side:
    """一台主机的地盘。``left``、``right`` 是状态条的两边；``text`` 是调用文字的起点，``step`` 向外为正。"""

    host: str
    left: float
    right: float
    plate: int
    lanes: int
    text: float
    room: float
    anchor: str  # 调用文字的对齐：end 在左边的主机，start 在右边的
    dots: float  # 第一条线程的圆点
    tracks: float = 0.0  # 就绪的道共占多宽，夹在状态条与圆点之间

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    def lane(self, number: int) -> tuple[float, float]:
        """第 ``number`` 条道的左右两边；0 号最靠网线。"""
        if self.anchor == "end":
            right = self.right - number * (self.plate + 2)
            return right - self.plate, right
        left = self.left + number * (self.plate + 2)
        return left, left + self.plate

    def track(self, start: float, wide: float) -> float:
        """从 ``start`` 起、``wide`` 宽的一列的左边；``start`` 从状态条数起，向外为正。"""
        return self.left - 4 - start - wide if self.anchor == "end" else self.right + 4 + start

    def dot(self, strand: int, step: int) -> float:
        return self.dots - strand * step if self.anchor == "end" else self.dots + strand * step


@dataclass(frozen=True, slots=True)
class Net:
    """一根网线所占的横向范围。"""

    left: float
    right: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    @property
    def width(self) -> float:
        return self.right - self.left


@dataclass(slots=True)
class Columns:
    """全部纵列。``nets[i]`` 是第 i 根网线；没有网线的，是主机之间的空处。"""

    metrics: Metrics
    sides: dict[str, Side]
    nets: list[Net]
    gaps: list[Net]  # 相邻两台主机之间的空处，从左到右
    crowded: bool  # 网线太窄，两个方向的字要共用一列

    def clear(self, net: Net) -> Net | None:
        """从别的主机上面过去的网线，字写在它经过的最宽的空处；只隔一处的，为 None。"""
        inside = [gap for gap in self.gaps if net.left <= gap.left and gap.right <= net.right]
        return max(inside, key=lambda gap: gap.width) if len(inside) > 1 else None


def call_room(trace: Trace, metrics: Metrics, lanes: dict[str, list[Lane]], tracks: dict[str, float]) -> float:
    """每台主机的调用文字最多可以占多宽：先保住网线和状态条。"""
    counts = [len({lane.number for lane in lanes[h.name]}) for h in trace.hosts]
    bars = sum(max(n, 1) * (plate + 2) for n, plate in zip(counts, metrics.plate_widths(counts), strict=True))
    quiet = not any(isinstance(e, Packet) for e in trace.events)
    callers = len({e.host for e in trace.events if isinstance(e, Call)})
    net = QUIET if quiet else metrics.net
    spare = metrics.width - metrics.axis - 8 - bars - sum(tracks.values()) - net - 2 * (12 + metrics.strand)
    return min(metrics.calls[1] * (2 if quiet else 1), max(spare / max(callers, 1), metrics.calls[0]))


def columns(trace: Trace, metrics: Metrics, lanes: dict[str, list[Lane]], rooms: dict[str, float],
            strands: dict[str, int], tracks: dict[str, float]) -> Columns:
    """分配横向空间：``rooms`` 是每台主机的调用文字想要的宽度（不超过 ``call_room``），余下的都给网线。"""
    hosts = [h.name for h in trace.hosts]
    counts = {h: len({lane.number for lane in lanes[h]}) for h in hosts}
    plates = dict(zip(hosts, metrics.plate_widths(list(counts.values())), strict=True))
    bars = {h: max(counts[h], 1) * (plates[h] + 2) - 2 for h in hosts}
    ends = (*hosts[:1], *hosts[-1:])
    gutters = {h: tracks.get(h, 0) + (10 + max(strands.get(h, 0), 1) * metrics.strand if rooms.get(h) else 8 * (h in ends))
               for h in hosts}
    room = {h: max(rooms.get(h, 0), metrics.calls[0] if h in ends else 0) for h in hosts}
    spare = metrics.width - metrics.axis - 8 - sum(bars[h] + gutters[h] + room[h] for h in hosts)
    gap = spare / max(len(hosts) - 1, 1)
    x, sides, gaps = metrics.axis + 4.0, {}, []
    for place, name in enumerate(hosts):
        if place:
            gaps.append(Net(x + 3, x + gap - 3))
            x += gap
        sides[name], x = _side(name, x, not place, room[name], gutters[name], bars[name], plates[name], counts[name],
                               tracks.get(name, 0))
    nets = [_spanned(sorted(hosts.index(end) for end in cable.ends), gaps) for cable in trace.cables] or gaps
    return Columns(metrics, sides, nets, gaps, any(n.width < 130 for n in gaps))


def _spanned(places: list[int], gaps: list[Net]) -> Net:
    """两台主机之间的那一段；隔着别的主机的，从它们上面过去。"""
    return Net(gaps[places[0]].left, gaps[places[1] - 1].right)


def _side(name: str, x: float, first: bool, room: float, gutter: float, bar: float, plate: int,
          count: int, tracks: float) -> tuple[Side, float]:
    if first:
        left = x + room + gutter
        return Side(name, left, left + bar, plate, count, x + room, room, "end", left - tracks - 8, tracks), left + bar
    side = Side(name, x, x + bar, plate, count, x + bar + gutter, room, "start", x + bar + tracks + 8, tracks)
    return side, x + bar + gutter + room
