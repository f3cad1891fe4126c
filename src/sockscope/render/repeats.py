"""一个接一个、一模一样的连接：头两个和最后一个照画，中间的折起来。

一模一样：每台主机上的调用、每个方向上的包（纯 ACK 除外）、每一端的状态，各成一列，列列相同；时刻、端口、序号不论。
折得起来还要折得干净：中间的那些占着事件里连续的一段，没有别人的事插在其中。
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import accumulate, groupby

from sockscope.render.causes import BORN, socket_of
from sockscope.trace import Call, Event, Packet, State, Trace

__all__ = ["repeats"]

FEWEST = 8  # 至少这么多个，才值得折
HEAD, TAIL = 2, 1  # 照常画出的：开头几个，末尾几个

Pair = frozenset[str]
Shape = dict[tuple[str, str], list[tuple[object, ...]]]


def repeats(trace: Trace) -> list[tuple[int, list[int]]]:
    """要折的各段：(几个连接, 它们的事件的下标)。"""
    members: dict[Pair, list[int]] = defaultdict(list)
    for index, pair in enumerate(_pairs(trace)):
        if pair:
            members[pair].append(index)
    if len(members) < FEWEST:
        return []
    flows = sorted(members.values())
    shapes = [_shape([trace.events[i] for i in indices]) for indices in flows]
    found, place = [], 0
    for _, group in groupby(shapes):
        count = len(list(group))
        found += _inner(flows[place:place + count])
        place += count
    return found


def _inner(flows: list[list[int]]) -> list[tuple[int, list[int]]]:
    """一串同样的连接里要折的：两头找到干净的切口。"""
    first, last = HEAD, len(flows) - TAIL
    latest = list(accumulate((flow[-1] for flow in flows), max))  # 到这一个为止，最后一件事的下标
    while first < last and latest[first - 1] > flows[first][0]:
        first += 1
    while first < last and latest[last - 1] > flows[last][0]:
        last -= 1
    if last - first < FEWEST - HEAD - TAIL:
        return []
    indices = sorted(i for flow in flows[first:last] for i in flow)
    return [(last - first, indices)] if indices[-1] - indices[0] + 1 == len(indices) else []


def _pairs(trace: Trace) -> list[Pair | None]:
    """每个事件属于哪个连接：两端的地址；哪个也不属于，则为 None。"""
    owners = socket_of(trace)
    labels = {(host, label): frozenset((local, peer)) for (host, local, peer), label in owners.items() if peer}
    taken = {(host, peer): frozenset((local, peer)) for (host, local, peer) in owners if peer}
    return [_pair(event, labels, taken) for event in trace.events]


def _pair(event: Event, labels: dict[tuple[str, str], Pair], taken: dict[tuple[str, str], Pair]) -> Pair | None:
    if isinstance(event, Packet):
        return frozenset((event.source, event.target)) if event.protocol == "tcp" else None
    if isinstance(event, State):
        return frozenset((event.local, event.peer)) if event.peer else None
    if not isinstance(event, Call):
        return None
    if event.name == "accept" and (born := BORN.match(event.result or "")):
        address = f"[{born[2]}]" if ":" in born[2] else born[2]
        return taken.get((event.host, f"{address}:{born[3]}"))
    return labels.get((event.host, event.socket or (event.result or "") if event.name == "socket" else event.socket))


def _shape(events: list[Event]) -> Shape:
    """一个连接的样子。"""
    shape: Shape = defaultdict(list)
    for event in events:
        if isinstance(event, Call):
            told = re.sub(r"\d{4,5}\b|s\d+", "", event.args)
            shape["call", event.host].append((event.name, told, event.errno, event.size, event.end is None))
        elif isinstance(event, Packet) and not event.pure_ack:
            shape["packet", event.src].append((event.cable, tuple(event.flags), event.length, event.note, event.fate))
        elif isinstance(event, State):
            shape["state", event.host].append((event.state,))
    return dict(shape)
