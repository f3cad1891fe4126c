"""队列的道：每个套接字的每个队列一条，里面有多少，涂多宽；同一种单位的各条同一把尺。"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from sockscope.render.columns import Metrics, Side
from sockscope.render.figure import Fill, Label
from sockscope.render.labels import queue_text
from sockscope.render.measure import width
from sockscope.render.rooms import Rooms
from sockscope.trace import Queue, Trace
from sockscope.trace.event import QUEUES

__all__ = ["MEANINGS", "NAMES", "Track", "plot", "room", "tracks", "wide"]

NAMES = {"receive": "接收", "send": "发送", "accept": "全连接"}
MEANINGS = {"receive": "接收队列：收到了，还没有读走", "send": "发送队列：还没有被确认", "accept": "全连接队列：等着 accept"}
WIDE = {"wide": 34, "narrow": 24}  # 一条道多宽
GAP = {"wide": 6, "narrow": 4}
ROOM = {"wide": 120, "narrow": 56}  # 一台主机的道一共至多这么宽


@dataclass(slots=True)
class Moment:
    """里面有多少的一次改变，到下一次（``end`` 是那个事件的位置）为止；None 是直到图的末尾。"""

    index: int
    queue: Queue
    end: int | None = None


@dataclass(slots=True)
class Track:
    """一个队列的道，从它第一次有东西起。``number`` 是它在本主机上的道号；``most`` 是满格，同一种单位的都一样。"""

    host: str
    socket: str
    queue: str
    moments: list[Moment] = field(default_factory=list)
    closed: int | None = None
    number: int = 0
    most: int = 1


def tracks(trace: Trace) -> dict[str, list[Track]]:
    """主机名 → 它的道，按出现的次序；一直空着的不画。"""
    found: dict[tuple[str, str, str], Track] = {}
    for index, event in enumerate(trace.events):
        if isinstance(event, Queue):
            track = found.setdefault((event.host, event.socket, event.queue), Track(event.host, event.socket, event.queue))
            if track.moments:
                track.moments[-1].end = index
            if event.size is None:
                track.closed = event.t
            else:
                track.moments.append(Moment(index, event))
    rooms: dict[str, Rooms] = defaultdict(Rooms)
    by_host: dict[str, list[Track]] = defaultdict(list)
    for track in sorted(found.values(), key=lambda track: (track.moments[0].queue.t, QUEUES.index(track.queue))):
        track.most = max(e.size or 0 for e in trace.queues if (e.queue == "accept") == (track.queue == "accept"))
        track.number = rooms[track.host].take(track.moments[0].queue.t, track.closed)
        by_host[track.host].append(track)
    return by_host


def wide(found: list[Track], style: str) -> tuple[float, float]:
    """(一条道多宽, 相邻两条的左边隔多远)。"""
    count = max((track.number for track in found), default=0) + 1
    each = min(WIDE[style], ROOM[style] / count - GAP[style])
    return each, each + GAP[style]


def room(found: list[Track], style: str) -> float:
    """这些道一共多宽。"""
    return (max(track.number for track in found) + 1) * wide(found, style)[1]


def plot(track: Track, side: Side, metrics: Metrics, place: tuple[float, float, float], heights: dict[int, float],
         floor: float) -> Iterator[Fill]:
    """一条道：里面的多少每变一次一个 ``Fill``，写得下就写上多少，最上面写它是哪个队列。``place`` 是道从哪里起、多宽、隔多远。"""
    start, each, step = place
    left, size = side.track(start + track.number * step, each), metrics.small
    for moment in track.moments:
        top = heights[moment.index]
        bottom = heights[moment.end] if moment.end is not None else floor
        told = queue_text(moment.queue, bare=True)
        labels = []
        if moment is track.moments[0]:
            labels.append(Label(left + each / 2, top - 3, NAMES[track.queue], size, "middle", "soft"))
        if moment.queue.size and bottom - top >= size + 2 and width(told, size) <= each:
            labels.append(Label(left + each / 2, top + size, told, size, "middle", "amount"))
        yield Fill(moment.index, moment.queue, left, each, (moment.queue.size or 0) / track.most, top, bottom, labels)
