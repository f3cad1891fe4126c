"""就绪的道：每个套接字一条，poll(2) 的每个事件一列，准备好了的时段涂上颜色。"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from sockscope.render.columns import Metrics, Side
from sockscope.render.figure import Label, Poll
from sockscope.render.rooms import Rooms
from sockscope.trace import Ready, Trace
from sockscope.trace.event import READY

__all__ = ["LETTERS", "WORDS", "Track", "plot", "tracks", "widths"]

WORDS = {"IN": "可读", "PRI": "带外数据", "OUT": "可写", "RDHUP": "对端不再发", "HUP": "挂断", "ERR": "出错"}
LETTERS = {"IN": "I", "PRI": "P", "OUT": "O", "RDHUP": "R", "HUP": "H", "ERR": "E"}
BIT = {"wide": 10, "narrow": 4}  # 一个事件的一列多宽
GAP = {"wide": 6, "narrow": 3}  # 相邻两条道之间
ROOM = {"wide": 96, "narrow": 36}  # 一台主机的道一共至多这么宽：套接字多了，列就窄些


@dataclass(slots=True)
class Moment:
    """掩码的一次改变，到下一次（``end`` 是那个事件的位置）为止；None 是直到图的末尾。"""

    index: int
    ready: Ready
    end: int | None = None


@dataclass(slots=True)
class Track:
    """一个套接字的道。``number`` 是它在本主机上的道号，先后不重叠的共用一条；``bits`` 是它有过的事件。"""

    host: str
    socket: str
    moments: list[Moment] = field(default_factory=list)
    closed: int | None = None
    number: int = 0

    @property
    def bits(self) -> list[str]:
        return [name for name in READY if any(name in (m.ready.mask or []) for m in self.moments)]


def tracks(trace: Trace) -> dict[str, list[Track]]:
    """主机名 → 它的道，按出现的次序；什么也没有准备好过的不画。"""
    found: dict[tuple[str, str], Track] = {}
    for index, ready in enumerate(trace.events):
        if isinstance(ready, Ready):
            track = found.setdefault((ready.host, ready.socket), Track(ready.host, ready.socket))
            if track.moments:
                track.moments[-1].end = index
            if ready.mask is None:
                track.closed = ready.t
            else:
                track.moments.append(Moment(index, ready))
    rooms: dict[str, Rooms] = defaultdict(Rooms)
    by_host: dict[str, list[Track]] = defaultdict(list)
    for track in found.values():
        if track.bits:
            track.number = rooms[track.host].take(track.moments[0].ready.t, track.closed)
            by_host[track.host].append(track)
    return by_host


def widths(found: list[Track], style: str) -> tuple[list[float], float]:
    """(每个道号从哪里起, 一列多宽)；最后一个数是总宽。一条道也没有，就只有总宽 0。"""
    columns: dict[int, int] = {}
    for track in found:
        columns[track.number] = max(columns.get(track.number, 0), len(track.bits))
    if not columns:
        return [0.0], 0.0
    bit = min(BIT[style], max(ROOM[style] - GAP[style] * len(columns), 2 * len(columns)) / sum(columns.values()))
    starts = [0.0]
    for number in range(len(columns)):
        starts.append(starts[-1] + columns[number] * bit + GAP[style])
    return starts, bit


def plot(track: Track, side: Side, metrics: Metrics, wide: tuple[list[float], float], heights: dict[int, float],
         floor: float) -> Iterator[Poll]:
    """一条道：掩码每变一次一个 ``Poll``；事件刚准备好的那一块写上它的字母，最上面写套接字的编号。"""
    (starts, bit), size = wide, metrics.small
    left = {name: side.track(starts[track.number] + bit * n, bit) for n, name in enumerate(track.bits)}
    before: set[str] = set()
    for moment in track.moments:
        top = heights[moment.index]
        bottom = heights[moment.end] if moment.end is not None else floor
        mask = moment.ready.mask or []
        labels = [Label(left[name] + bit / 2, top + size - 1, LETTERS[name], size, "middle", "bit") for name in mask
                  if name not in before and bit >= size - 2 and bottom - top >= size]
        if moment is track.moments[0]:
            middle = sum(left.values()) / len(left) + bit / 2
            labels.append(Label(middle, top - 3, track.socket, size, "middle", "soft mono"))
        yield Poll(moment.index, moment.ready, [(name, left[name]) for name in mask], bit, top, bottom, labels)
        before = set(mask)
