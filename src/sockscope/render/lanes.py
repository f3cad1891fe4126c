"""每台主机有哪些 TCP 端点，各自从何时到何时处于何种状态，画在第几条道上。"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from sockscope.render.causes import socket_of
from sockscope.render.descriptors import Holding, holdings
from sockscope.render.rooms import Rooms
from sockscope.trace import Action, State, Trace

__all__ = ["Lane", "Span", "lanes"]

NOBODY: Holding = [(0, 0)]  # 从来没有描述符：还没有被 accept 取走


@dataclass(slots=True)
class Span:
    """一段状态。``end`` 为 None 表示直到图的末尾还是它；``orphan`` 是其中没有描述符的时段。"""

    index: int
    state: State
    t: int
    end: int | None = None
    orphan: list[tuple[int, int | None]] = field(default_factory=list)


@dataclass(slots=True)
class Lane:
    """一个端点的一生。``number`` 是它在本主机上的道号；先后不重叠的端点共用一条道。"""

    host: str
    local: str
    peer: str
    spans: list[Span]
    number: int = 0

    @property
    def start(self) -> int:
        return self.spans[0].t

    @property
    def end(self) -> int | None:
        return self.spans[-1].end


def lanes(trace: Trace, folded: Set[int] = frozenset()) -> dict[str, list[Lane]]:
    """主机名 → 它的道；``folded`` 里的状态折起来了，不算。监听端点只在那台主机没有连接时才有自己的道。"""
    by_host: dict[str, list[Lane]] = {host.name: [] for host in trace.hosts}
    for lane in _collect(trace, folded):
        by_host.setdefault(lane.host, []).append(lane)
    held = holdings(trace)
    owner = socket_of(trace)
    for host, found in by_host.items():
        by_host[host] = _assign([a for a in found if a.peer] or found)
        for lane in by_host[host]:
            label = owner.get((host, lane.local, lane.peer), "").rstrip("′")
            holding = held.get((host, label), []) if label or not lane.peer else NOBODY
            for span in lane.spans:
                _finish(span, holding)
    return by_host


def _collect(trace: Trace, folded: Set[int]) -> list[Lane]:
    open_lanes: dict[tuple[str, str, str], Lane] = {}
    found: list[Lane] = []
    for index, event in enumerate(trace.events):
        if isinstance(event, Action) and event.name == "reboot":
            _power_off(open_lanes, event)
        elif isinstance(event, State) and event.state and index not in folded:
            key = event.host, event.local, event.peer
            if key not in open_lanes:
                open_lanes[key] = Lane(*key, [])
                found.append(open_lanes[key])
            spans = open_lanes[key].spans
            if spans:
                spans[-1].end = event.t
            spans.append(Span(index, event, event.t))
    return found


def _power_off(open_lanes: dict[tuple[str, str, str], Lane], event: Action) -> None:
    for key in [k for k in open_lanes if k[0] == event.where]:
        open_lanes.pop(key).spans[-1].end = event.t


def _finish(span: Span, holding: Holding) -> None:
    """CLOSE 到描述符放下为止；标出没有描述符的时段。"""
    count = next((n for t, n in reversed(holding) if t <= span.t), 0 if holding[:1] and holding[0][1] == 1 else 1)
    inside = [(t, n) for t, n in holding if t > span.t and (span.end is None or t < span.end)]
    if span.state.state == "CLOSE" and span.end is None:
        span.end = next((t for t, n in inside if not n), span.t) if count else span.t
        return
    start = None if count else span.t
    for t, n in inside:
        if n and start is not None:
            span.orphan.append((start, t))
            start = None
        elif not n and start is None:
            start = t
    if start is not None:
        span.orphan.append((start, span.end))


def _assign(found: list[Lane]) -> list[Lane]:
    """先来的占最靠网线的一条空道。"""
    rooms = Rooms()
    for lane in found:
        lane.number = rooms.take(lane.start, lane.end)
    return found
