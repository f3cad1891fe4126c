"""一个套接字有多少个描述符指着它：accept 之前和最后一次 close 之后，都是零。

内核的连接不因为没有描述符就消失：监听队列里的连接还没有人取走，close 之后的孤儿还要把话说完。
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from sockscope.trace import Action, Call, Trace

__all__ = ["Holding", "holdings"]

Holding = list[tuple[int, int]]  # (时刻, 从此有几个描述符)
ACCEPTED = re.compile(r"(s\d+)′*, ")


def holdings(trace: Trace) -> dict[tuple[str, str], Holding]:
    """(主机, 套接字) → 描述符个数的变化。没有出现过的套接字一直握着。"""
    changes: dict[tuple[str, str], Holding] = defaultdict(list)
    counts: dict[tuple[str, str], int] = {}
    for t, key, change in sorted(_changes(trace), key=lambda c: c[0]):
        counts[key] = max(0, counts.get(key, 0 if change > 1 else 1) + (1 if change > 1 else change))
        changes[key].append((t, counts[key]))
    return dict(changes)


def _changes(trace: Trace) -> Iterator[tuple[int, tuple[str, str], int]]:
    """每次增减；诞生记作 +2，好与 dup 的 +1 分开。"""
    handed: dict[str, list[str]] = defaultdict(list)
    for event in trace.events:
        if isinstance(event, Call):
            yield from _by_call(event)
        elif isinstance(event, Action) and event.name == "process":
            handed[event.where].append(event.detail.rstrip("′"))
        elif isinstance(event, Action) and event.name in ("kill", "reboot"):
            for label in handed.pop(event.where, ()):
                yield event.t, (event.where, label), -1


def _by_call(call: Call) -> Iterator[tuple[int, tuple[str, str], int]]:
    if call.errno or call.end is None:
        return
    key = call.host, call.socket.rstrip("′")
    if call.name == "close":
        yield call.end, key, -1
    elif call.name == "dup":
        yield call.end, key, 1
    elif call.name == "accept" and (born := ACCEPTED.match(call.result or "")):
        yield call.end, (call.host, born[1]), 2
