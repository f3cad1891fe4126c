"""一个 TCP 段在它的连接里是什么：重复的确认、快速重传、多余的重传、乱序、窗口已满……名字与 Wireshark 的相同。

只看网线上走过什么，按上线的次序；``note`` 里已经说过的（重传、保活、窗口探测……）在这里细分。
与 tshark 的不同之处：我们知道每个包是谁第一次发的，所以“乱序”与“重传”不靠时间猜。
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field

from sockscope.trace import Packet, Trace

__all__ = ["NAMES", "analysis", "details"]

NAMES = {
    "duplicate ack": "重复的确认：收到了后面的，还在等这个序号。",
    "fast retransmission": "快速重传：接连收到重复的确认，不等超时就重发。",
    "spurious retransmission": "多余的重传：这一段对端早已确认过。",
    "out-of-order": "乱序：第一次发出的一段，在路上落到了后面。",
    "keepalive ack": "对保活探测的应答。",
    "window probe ack": "对窗口探测的应答。",
    "window full": "窗口已满：发完这一段，对端给的窗口就用完了。",
    "sack": "SACK：说明缺口之后还收到了哪些。",
    "dsack": "DSACK：告诉对端，这一段收到了不止一次（RFC 2883）。",
}
ENOUGH = 2  # 收到两个重复的确认之后的重传，算快速重传（Wireshark 也这样数）……
SOON = 20_000_000  # ……只要离最后一个不超过 20 ms
Flow = tuple[int, str, str]


@dataclass(slots=True)
class _Side:
    """一个方向此刻的样子。"""

    next: int = 0
    ack: int = -1
    window: int = -1
    repeats: list[int] = field(default_factory=list)  # 重复的确认各在何时送到
    probed: str = ""  # 对方刚发来的探测，等着应答
    starts: set[int] = field(default_factory=set)


def analysis(trace: Trace) -> dict[int, list[str]]:
    """包的下标 → 它的名字（``NAMES`` 的键）；平常的包不在其中。"""
    flows: dict[Flow, _Side] = defaultdict(_Side)
    origin: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    homes = {address: host.name for host in trace.hosts for address in host.addresses}
    found: dict[int, list[str]] = {}
    for index, packet in enumerate(trace.events):
        if not isinstance(packet, Packet) or packet.protocol != "tcp" or packet.fate == "duplicate" or packet.seq is None:
            continue
        here, there = (packet.cable, packet.source, packet.target), (packet.cable, packet.target, packet.source)
        if packet.flags == ["SYN"] and not packet.note:
            flows[here], flows[there] = _Side(), _Side()
            origin.pop((packet.source, packet.target), None)
        sent = origin[packet.source, packet.target]
        first = homes.get(packet.source.rpartition(":")[0].strip("[]")) == packet.src
        sent[packet.seq] += first and bool(packet.extent)
        once = not first and sent[packet.seq] == 1
        names = [*_acknowledging(packet, flows[here], flows[there]), *_sending(packet, flows[here], flows[there], once)]
        _remember(packet, flows[here], flows[there])
        if names:
            found[index] = names
    return found


def _acknowledging(packet: Packet, mine: _Side, theirs: _Side) -> list[str]:
    """它作为确认是什么。"""
    names = []
    blocks, ack = packet.sacks, packet.ack
    if blocks and ack is not None:
        again = blocks[0].stop <= ack or any(b.start <= blocks[0].start and blocks[0].stop <= b.stop for b in blocks[1:])
        names.append("dsack" if again else "sack")
    if packet.extent or ack is None or "RST" in packet.flags:
        return names
    if mine.probed:
        return [*names, "keepalive ack" if mine.probed == "keepalive" else "window probe ack"] * (ack == mine.ack) or names
    same = ack == mine.ack and packet.window == mine.window and packet.window and packet.seq == mine.next
    if same and packet.note not in ("keepalive", "window probe"):
        names.append("duplicate ack")
    return names


def details(trace: Trace) -> dict[int, list[str]]:
    """包的下标 → 图上平常不写的：分析、ECN 的两个标志、SACK 的各块、别的选项。"""
    named, found = analysis(trace), {}
    for index, event in enumerate(trace.events):
        if isinstance(event, Packet):
            ecn = [flag for flag in ("ECE", "CWR") if flag in event.flags]
            sacks = [f"SACK {' '.join(f'{b.start}:{b.stop}' for b in event.sacks)}"] * bool(event.sacks)
            options = [f"{name} {value}".rstrip() for name, value in event.options.items() if name != "SAck"]
            if told := [*named.get(index, []), *ecn, *sacks, *options]:
                found[index] = told
    return found


def _sending(packet: Packet, mine: _Side, theirs: _Side, once: bool) -> list[str]:
    """它作为发送是什么。``once``：它是别人转来的，而起头的主机只发过它一次。"""
    full = packet.length and theirs.ack >= 0 and theirs.window > 0 and packet.extent.stop == theirs.ack + theirs.window
    bare = packet.note in ("", "retransmission") and not {"SYN", "FIN", "RST"} & set(packet.flags)
    again = _again(packet, mine, theirs, once) if packet.note == "retransmission" else ""
    return [name for name in (again, "window full" if full and bare else "") if name]


def _again(packet: Packet, mine: _Side, theirs: _Side, once: bool) -> str:
    """一次重传是哪一种；靠超时的没有别名。"""
    if packet.seq not in mine.starts and once:
        return "out-of-order"
    if packet.extent.stop <= theirs.ack:
        return "spurious retransmission"
    heard = bisect_right(theirs.repeats, packet.t)
    soon = heard >= ENOUGH and packet.t - theirs.repeats[heard - 1] <= SOON
    return "fast retransmission" if soon and packet.seq == theirs.ack else ""


def _remember(packet: Packet, mine: _Side, theirs: _Side) -> None:
    assert packet.seq is not None
    if packet.extent:
        mine.starts.add(packet.seq)
    mine.next = max(mine.next, packet.extent.stop)
    theirs.probed = packet.note if packet.note in ("keepalive", "window probe") else ""
    mine.probed = ""
    if packet.ack is None or "RST" in packet.flags:
        return
    if packet.ack != mine.ack:
        mine.repeats = []
    elif not packet.extent and not packet.note and packet.end is not None:
        insort(mine.repeats, packet.end)
    mine.ack = max(mine.ack, packet.ack)
    mine.window = packet.window if packet.window is not None else mine.window
