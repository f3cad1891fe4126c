"""一次调用等过什么吗：还没有返回，用了很久，或者等到了一个包、等到别的线程读走了数据才返回。"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from sockscope.render.labels import RECEIVES, SENDS, WAITS
from sockscope.trace import Call, Packet, Trace

__all__ = ["Waits"]

NOTICEABLE = 1_000_000  # recv、accept、connect 超过 1 ms，就算它等过
SLOW = 5_000_000  # send、close 平常不等人，要超过 5 ms
INSTANT = ("socketpair", "socket", "bind", "listen", "dup", "setsockopt", "getsockopt", "setblocking", "settimeout",
           "getsockname", "getpeername")


class Waits:
    """把一条轨迹过一遍，之后每次调用都答得快：每台主机何时收到包，哪些线程何时读走了数据。"""

    def __init__(self, trace: Trace) -> None:
        self.landed: dict[str, list[int]] = defaultdict(list)
        reads: list[tuple[int, str]] = []
        for event in trace.events:
            if isinstance(event, Packet) and event.end is not None:
                self.landed[event.dst].append(event.end)
            elif isinstance(event, Call) and event.end is not None and event.name.startswith(RECEIVES):
                reads.append((event.end, event.thread))
        for ends in self.landed.values():
            ends.sort()
        self.reads = sorted(reads)
        self.others = _others(self.reads)

    def waited(self, call: Call) -> bool:
        if call.end is None:
            return True
        if call.name in INSTANT or "MSG_DONTWAIT" in call.args:
            return False
        spent = call.end - call.t
        if call.name.startswith((*RECEIVES, "accept", "connect", "SSL_do_handshake", *WAITS)):
            return spent > NOTICEABLE or self.met(call.host, call.t, call.end)
        return spent > SLOW or (spent > NOTICEABLE and call.name.startswith(SENDS)
                                and self.drained(call.thread, call.t, call.end))

    def met(self, host: str, t: int, end: int) -> bool:
        """其间有包到了这台主机。"""
        ends = self.landed.get(host, [])
        place = bisect_right(ends, t)
        return place < len(ends) and ends[place] < end

    def drained(self, thread: str, t: int, end: int) -> bool:
        """其间别的线程读走了数据：它多半是在等缓冲区腾出地方。"""
        place = bisect_right(self.reads, t, key=lambda read: read[0])
        if place < len(self.reads) and self.reads[place][1] == thread:
            place = self.others[place]
        return place < len(self.reads) and self.reads[place][0] < end


def _others(reads: list[tuple[int, str]]) -> list[int]:
    """每次读之后，下一次由别的线程做的读在第几个。"""
    found = [len(reads)] * len(reads)
    for place in range(len(reads) - 2, -1, -1):
        same = reads[place][1] == reads[place + 1][1]
        found[place] = found[place + 1] if same else place + 1
    return found
