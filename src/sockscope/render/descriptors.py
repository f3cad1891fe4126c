"""一个套接字有多少个描述符指着它：accept 之前和最后一次 close 之后，都是零。

内核的连接不因为没有描述符就消失：监听队列里的连接还没有人取走，close 之后的孤儿还要把话说完。
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from sockscope.trace import Action, Call, Trace

__all__ = ["Holding", "holdings", "posted_by"]

Holding = list[tuple[int, int]]  # (时刻, 从此有几个描述符)
Change = tuple[int, tuple[str, str], int]  # (时刻, 哪个套接字, 加几)
STEPS = {"dup": 1, "close": -1}
POSTED = re.compile(r"SCM_RIGHTS ((?:s\d+′*(?: (?=s\d))?)+)")
ACCEPTED = re.compile(r"(s\d+)′*, ")


def holdings(trace: Trace) -> dict[tuple[str, str], Holding]:
    """(主机, 套接字) → 描述符个数的变化。没有出现过的套接字一直握着一个。"""
    found: dict[tuple[str, str], Holding] = defaultdict(list)
    born = {key for _, key, _ in _births(trace)}
    for t, key, change in sorted([*_births(trace), *_changes(trace)], key=lambda c: c[0]):
        before = found[key][-1][1] if found[key] else int(key not in born)
        found[key].append((t, max(0, before + change)))
    return dict(found)


def posted_by(call: Call) -> list[tuple[str, str]]:
    """这次调用用 SCM_RIGHTS 发出了自己主机的哪些套接字。"""
    if call.name != "sendmsg" or call.errno or call.end is None:
        return []
    return [(call.host, label.rstrip("′")) for given in POSTED.findall(call.args) for label in given.split()]


def _births(trace: Trace) -> Iterator[Change]:
    """accept 得到的套接字，在 accept 返回时才有第一个描述符；其余的从一开始就有。"""
    for call in trace.calls:
        if call.name == "accept" and call.end is not None and (born := ACCEPTED.match(call.result or "")):
            yield call.end, (call.host, born[1]), 1


def _changes(trace: Trace) -> Iterator[Change]:
    """dup 加一，close 减一；进程死去，它手里的各减一。

    SCM_RIGHTS 发出的从发出时起就多一份，收下的进程结束时才少。
    """
    handed: dict[str, list[str]] = defaultdict(list)
    posted: list[tuple[str, str]] = []
    for event in trace.events:
        if isinstance(event, Call) and (keys := posted_by(event)):
            posted += keys
            yield from ((event.t if event.end is None else event.end, key, 1) for key in keys)
        elif isinstance(event, Action) and event.name == "exit":
            yield from ((event.t, key, -1) for key in posted)
            posted.clear()
        if isinstance(event, Call) and event.name in STEPS and not event.errno and event.end is not None:
            yield event.end, (event.host, event.socket.rstrip("′")), STEPS[event.name]
        elif isinstance(event, Action) and event.name == "process":
            handed[event.where].append(event.detail.rstrip("′"))
        elif isinstance(event, Action) and event.name in ("kill", "reboot"):
            for label in handed.pop(event.where, ()):
                yield event.t, (event.where, label), -1
