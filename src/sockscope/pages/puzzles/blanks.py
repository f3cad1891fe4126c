"""填空：遮住一次失败、一个状态、一个包、一个确认号、一次读的结果。"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from sockscope.pages.puzzles.puzzle import (
    BLANK,
    Puzzle,
    Source,
    blanked,
    explained,
    masked_at,
    offer,
    related,
    title,
    way,
)
from sockscope.render import words
from sockscope.render.errors import phrase
from sockscope.render.labels import call_text, packet_kind
from sockscope.trace import Call, Packet, State

__all__ = ["errno", "flag", "number", "result", "state"]

def errno(source: Source, rng: Random) -> Puzzle | None:
    """遮住一次失败：它报什么？"""
    trace = source.trace
    failed = [i for i, e in enumerate(trace.events) if isinstance(e, Call) and e.errno and e.errno.isupper()]
    if not failed:
        return None
    place = rng.choice(failed)
    call = trace.events[place]
    assert isinstance(call, Call)
    assert call.errno
    seen = {c.errno for other in related(source) for c in other.calls if c.errno and c.errno.isupper()}
    offered = offer(rng, call.errno, sorted(seen.union(COMMON)))
    return Puzzle(
        "填空", f"{title(trace, call.host)}的 `{call_text(call, short=True)}` 没有成功，遮住的是它的 errno。是哪一个？",
        masked_at(trace, place, replace(call, errno=None, result=BLANK)),
        {name: f"`{name}`" for name in offered}, call.errno,
        explained(trace, place), {name: f"`{name}` 说的是：{phrase(name)}" for name in offered}, source)


COMMON = ("ECONNRESET", "EPIPE", "ECONNREFUSED", "ETIMEDOUT", "EAGAIN")


def state(source: Source, rng: Random) -> Puzzle | None:
    """遮住内核报告的一个状态。"""
    trace = source.trace
    told = [i for i, e in enumerate(trace.events) if isinstance(e, State) and e.peer and e.state in words.STATES]
    if not told:
        return None
    place = rng.choice(told[1:] or told)
    event = trace.events[place]
    assert isinstance(event, State)
    others = [name for name in words.STATES if name not in ("LISTEN", event.state)]
    offered = offer(rng, event.state, others)
    return Puzzle(
        "填空", f"遮住的是{title(trace, event.host)}的一个状态。内核报告的是哪一个？",
        masked_at(trace, place, replace(event, state=BLANK)), {name: f"`{name}`" for name in offered}, event.state,
        explained(trace, place), {name: f"`{name}`：{words.STATES[name]}" for name in offered}, source)


FLAGS = {"syn": "SYN", "synack": "SYN+ACK", "fin": "FIN", "rst": "RST", "ack": "ACK"}


def flag(source: Source, rng: Random) -> Puzzle | None:
    """遮住一个没有数据的包：它是什么？"""
    trace = source.trace
    found = [i for i, e in enumerate(trace.events) if isinstance(e, Packet) and _flag(e)]
    if len(found) < 3:
        return None
    place = rng.choice(found[1:])
    packet = trace.events[place]
    assert isinstance(packet, Packet)
    right = _flag(packet)
    offered = offer(rng, right, [kind for kind in FLAGS if kind != right])
    return Puzzle(
        "填空", f"遮住的是{way(trace, packet)}的一个包，它没有带数据。它是什么？",
        masked_at(trace, place, blanked(packet, BLANK)), {kind: f"`{FLAGS[kind]}`" for kind in offered}, right,
        explained(trace, place), {kind: f"`{FLAGS[kind]}`：{_meaning(kind)}" for kind in offered}, source)


def _flag(packet: Packet) -> str:
    if packet.protocol != "tcp" or packet.length or packet.note:
        return ""
    kind = packet_kind(packet)
    return "synack" if kind == "syn" and "ACK" in packet.flags else kind if kind in FLAGS else ""


def _meaning(kind: str) -> str:
    return "同意建立连接，同时报上自己的初始序号。" if kind == "synack" else words.PACKETS[kind]


def number(source: Source, rng: Random) -> Puzzle | None:
    """遮住一个纯 ACK 的确认号。"""
    trace = source.trace
    found = [i for i, e in enumerate(trace.events) if isinstance(e, Packet) and e.pure_ack and e.protocol == "tcp"
             and not e.note and (e.ack or 0) > 1]
    if not found:
        return None
    place = rng.choice(found)
    packet = trace.events[place]
    assert isinstance(packet, Packet)
    assert packet.ack
    near = {1, packet.ack - 1, packet.ack + 1, packet.ack + 2,
            *(p.seq for p in trace.packets if p.seq), *(p.seq + p.length for p in trace.packets if p.seq and p.length)}
    offered = sorted(map(int, offer(rng, str(packet.ack), [str(n) for n in sorted(near) if n > 0])))
    return Puzzle(
        "填空", f"遮住的是{way(trace, packet)}的一个 ACK 的确认号。序号从 1 数起，SYN 和 FIN 各占一个。它是几？",
        masked_at(trace, place, blanked(packet, f"ACK {BLANK}")), {str(n): str(n) for n in offered}, str(packet.ack),
        explained(trace, place),
        {str(n): f"确认号 {n} 是说：{n} 之前的都收到了，下一个要 {n}。录制里不是这样。" for n in offered}, source)


def result(source: Source, rng: Random) -> Puzzle | None:
    """遮住一次读的结果。"""
    trace = source.trace
    read = [i for i, e in enumerate(trace.events) if isinstance(e, Call) and e.name.startswith("recv")
            and e.result and e.result.startswith("b'") and len(e.result) < 30]
    values = {trace.events[i].result for i in read} | {"b''", "EAGAIN"}  # type: ignore[union-attr]
    if not read or len(values) < 3:
        return None
    place = rng.choice(read)
    call = trace.events[place]
    assert isinstance(call, Call)
    assert call.result
    sent = {c.data for c in trace.calls if c.name.startswith("send")}
    values |= {repr(bytes.fromhex(data)) for data in sent if data and len(data) < 40}
    offered = offer(rng, call.result, sorted(str(v) for v in values))
    told = {"b''": "`b''` 是说对端不再发送了。", "EAGAIN": "`EAGAIN` 是说此刻没有数据，而又不许等。"}
    return Puzzle(
        "填空", f"遮住的是{title(trace, call.host)}的 `{call_text(call, short=True)}` 的结果。它得到什么？",
        masked_at(trace, place, replace(call, result=BLANK)), {name: f"`{name}`" for name in offered}, call.result,
        explained(trace, place), {name: told.get(name, "录制里这一次读到的不是它。") for name in offered}, source)
