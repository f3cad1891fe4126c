"""到了主机、又被主机丢掉的数据报：只在内核自己数过的时候才说。

SO_RXQ_OVFL（socket(7)）随每个读到的数据报报告：它到达之前，这个套接字因为装不下，一共丢了几个。轨迹里记着
到了哪些、程序读到了哪些；读到的之间恰好少了那么多个，少的就是丢的那几个。数目对不上，就一个也不说。
"""

from __future__ import annotations

import re
from collections import defaultdict

from sockscope.trace import Call, Packet, Trace

__all__ = ["DISCARDED", "WHY", "discarded"]

WHY = "主机丢弃"
DISCARDED = "主机丢弃：接收缓冲区满了"
COUNTED = re.compile(r"SO_RXQ_OVFL (\d+)")
PORT = re.compile(r", (\d+)\)?")
KEPT = 256  # 轨迹里每次收发至多留下这么多字节


def discarded(trace: Trace) -> dict[int, int]:
    """被主机丢掉的包的下标 → 说出这件事的那次调用的下标。"""
    arrived: dict[tuple[str, str], list[tuple[int, Packet]]] = defaultdict(list)
    calls: dict[tuple[str, str], list[tuple[int, Call]]] = defaultdict(list)
    for index, event in enumerate(trace.events):
        if isinstance(event, Packet) and event.protocol == "udp" and event.end is not None:
            arrived[event.dst, event.target.rpartition(":")[2]].append((index, event))
        elif isinstance(event, Call):
            calls[event.host, event.socket].append((index, event))
    found: dict[int, int] = {}
    for (host, _), mine in calls.items():
        if any(COUNTED.search(call.result or "") for _, call in mine):
            ports = [PORT.search(call.args) for _, call in mine if call.name == "bind" and not call.errno]
            if len(ports) == 1 and ports[0]:
                found |= _missing(sorted(arrived[host, ports[0][1]], key=lambda p: p[1].end or 0), mine)
    return found


def _missing(arrived: list[tuple[int, Packet]], calls: list[tuple[int, Call]]) -> dict[int, int]:
    """一个套接字上：读到的两个之间少了的，与内核报的数目核对。"""
    found: dict[int, int] = {}
    place = 0
    skipped: list[int] = []
    for where, call in calls:
        if not call.name.startswith("recv") or call.errno or call.size is None:
            continue
        while place < len(arrived) and not _same(arrived[place][1], call):
            skipped.append(arrived[place][0])
            place += 1
        place += 1
        told = COUNTED.search(call.result or "")
        if len(skipped) != (int(told[1]) if told else 0):
            return {}
        found |= {index: where for index in skipped if index not in found}
    return found


def _same(packet: Packet, call: Call) -> bool:
    return packet.length == call.size and packet.payload[:KEPT].hex() == call.data
