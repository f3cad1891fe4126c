"""占位子：先来的占号码最小的空位，走了就让出来。道与线程的列都这样分。"""

from __future__ import annotations

import math
from collections import defaultdict
from heapq import heappop, heappush

from sockscope.trace import Call, Trace

__all__ = ["Rooms", "strands"]


class Rooms:
    """一排位子。要按开始的先后来占。"""

    def __init__(self) -> None:
        self.taken: list[tuple[float, int]] = []
        self.free: list[int] = []
        self.count = 0

    def take(self, start: float, end: float | None) -> int:
        """从 ``start`` 占到 ``end``（None 是再也不走），得到位子的号码。"""
        while self.taken and self.taken[0][0] <= start:
            heappush(self.free, heappop(self.taken)[1])
        number = heappop(self.free) if self.free else self.count
        self.count = max(self.count, number + 1)
        if end is not None:
            heappush(self.taken, (end, number))
        return number


def strands(trace: Trace, folded: set[int]) -> dict[tuple[str, str], int]:
    """(主机, 线程) → 第几列圆点。生存期不重叠的线程共用一列。"""
    spans: dict[tuple[str, str], list[float]] = {}
    for index, call in enumerate(trace.events):
        if isinstance(call, Call) and index not in folded:
            span = spans.setdefault((call.host, call.thread), [call.t, 0.0])
            span[1] = max(span[1], math.inf if call.end is None else call.end)
    rooms: dict[str, Rooms] = defaultdict(Rooms)
    return {(host, thread): rooms[host].take(start - 1, end)
            for (host, thread), (start, end) in spans.items()}
