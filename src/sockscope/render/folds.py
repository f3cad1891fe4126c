"""几百个事件怎样还能读：把一长串平淡无奇的收发，和一长串一模一样的连接（``repeats.py``），各折成一条带子。

平淡无奇：送达的数据或纯 ACK、没有任何附注的包，搬动了数据且没有出错的调用，和没有等的（EAGAIN）。SYN、FIN、RST、丢失、
重传、窗口为 0、状态改变都留在外面，它们把带子隔开。折起来的事件仍在轨迹里，带子记着它们的下标。
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from sockscope.render.labels import bytes_text, packet_kind
from sockscope.render.repeats import repeats
from sockscope.trace import Call, Event, Packet, Trace

__all__ = ["Fold", "folds"]

CROWDED = 90  # 事件少于此数，一个也不折
SHORTEST = 8  # 短于此数的一串不值得折
KEPT = 3  # 每串两头照常画出的事件数


@dataclass
class Fold:
    """一串折起来的事件：从 ``t`` 到 ``end``，``indices`` 是它们的下标；``connections`` 是其中几个同样的连接。"""

    t: int
    end: int
    indices: list[int]
    packets: list[Packet] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    connections: int = 0

    def cable_words(self, cable: int) -> list[str]:
        """网线上折掉了什么，一行一种。"""
        if self.connections:
            mine = [(count, size) for (where, _), (count, size) in self.counted.items() if where == cable]
            told = f"{sum(count for count, _ in mine)} 个包 {bytes_text(sum(size for _, size in mine))}"
            return [f"{self.connections} 个同样的连接", told] if mine else []
        rows, acks = [], self.counted[cable, "ack"][0]
        for kind, unit in (("data", "个数据段"), ("datagram", "个数据报")):
            count, size = self.counted[cable, kind]
            rows += [f"{count} {unit} {bytes_text(size)}"] * (count > 0)
        return rows + [f"{acks} 个 ACK"] * (acks > 0)

    @cached_property
    def counted(self) -> dict[tuple[int, str], tuple[int, int]]:
        """(网线, 种类) → (几个, 共多少字节)。"""
        found: dict[tuple[int, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
        for packet in self.packets:
            key = packet.cable, packet_kind(packet)
            count, size = found[key]
            found[key] = count + 1, size + packet.length
        return found

    def call_words(self, host: str) -> list[str]:
        """一台主机上折掉了哪些调用，一行一种。"""
        return [f"{count} 次 {name}()" + f" {bytes_text(size)}" * (size > 0 or not self.connections)
                for name, (count, size) in self.called.get(host, {}).items()]

    @cached_property
    def called(self) -> dict[str, dict[str, tuple[int, int]]]:
        """主机 → 调用的名字 → (几次, 共多少字节)。"""
        found: dict[str, dict[str, tuple[int, int]]] = {}
        for call in self.calls:
            names = found.setdefault(call.host, {})
            count, size = names.get(call.name, (0, 0))
            names[call.name] = count + 1, size + (call.size or 0)
        return found


def folds(trace: Trace) -> list[Fold]:
    """要折的各串，按时间排列，互不重叠。"""
    if len(trace.events) < CROWDED:
        return []
    same = [_repeated(trace, count, indices) for count, indices in repeats(trace)]
    inside = {i for fold in same for i in fold.indices}
    found, run = [], []
    for index, event in enumerate(trace.events):
        if _plain(event) and index not in inside:
            run.append(index)
            continue
        found += _fold(trace, run)
        run = []
    return sorted([*same, *found, *_fold(trace, run)], key=lambda fold: fold.t)


def _repeated(trace: Trace, count: int, indices: list[int]) -> Fold:
    events = [trace.events[i] for i in indices]
    after = trace.events[indices[-1] + 1].t - 1 if indices[-1] + 1 < len(trace.events) else events[-1].t
    return Fold(events[0].t, max(after, events[-1].t), indices, [e for e in events if isinstance(e, Packet)],
                [e for e in events if isinstance(e, Call)], count)


def _fold(trace: Trace, run: list[int]) -> list[Fold]:
    inner = run[KEPT:-KEPT]
    if len(inner) < SHORTEST:
        return []
    events = [trace.events[i] for i in inner]
    last = trace.events[run[-KEPT]].t
    return [Fold(events[0].t, max(last - 1, events[-1].t), inner, [e for e in events if isinstance(e, Packet)],
                 [e for e in events if isinstance(e, Call)])]


def _plain(event: Event) -> bool:
    if isinstance(event, Packet):
        return event.fate == "delivered" and not event.note and event.end is not None \
            and packet_kind(event) in ("data", "ack", "datagram") and "URG" not in event.flags
    return isinstance(event, Call) and event.end is not None and (
        (bool(event.size) and not event.errno) or event.errno == "EAGAIN")
