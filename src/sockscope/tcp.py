"""TCP 的状态迁移表（RFC 9293 §3.3.2 图 5 与 §3.10），全书只有这一张。

工作原理
--------
状态用内核的名字（<net/tcp_states.h>）；``RFC_NAMES`` 给出 RFC 9293 的写法。一条迁移是
“在 before，遇到 event，做 action，到 after”。同一张表做三件事：画附录 B 的状态图；检查每一条录制
（``violations``）；说出轨迹里的一步走的是哪条边（``walk``）。

event 的写法：``call …`` 是应用的调用，``rcv …`` 是收到的段，``timeout …`` 是定时器，``abort`` 是内核自己决定
放弃（对端会收到 RST）。检查时，每走一条边都要在轨迹里找到它的原因：没有收到 FIN，就不许进 CLOSE_WAIT。
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sockscope.trace import Action, Call, Packet, Queue, Ready, State, Trace

__all__ = ["RFC_NAMES", "STATES", "TRANSITIONS", "Step", "Transition", "violations", "walk"]

RFC_NAMES = {
    "CLOSE": "CLOSED", "LISTEN": "LISTEN", "SYN_SENT": "SYN-SENT", "SYN_RECV": "SYN-RECEIVED",
    "ESTABLISHED": "ESTABLISHED", "FIN_WAIT1": "FIN-WAIT-1", "FIN_WAIT2": "FIN-WAIT-2",
    "CLOSE_WAIT": "CLOSE-WAIT", "CLOSING": "CLOSING", "LAST_ACK": "LAST-ACK", "TIME_WAIT": "TIME-WAIT",
}
STATES = tuple(RFC_NAMES)


@dataclass(frozen=True)
class Transition:
    """一条边。``action`` 是随之发出的段（没有则为空），``section`` 是 RFC 9293 的节号或 Linux 的出处。"""

    before: str
    event: str
    after: str
    action: str = ""
    section: str = "3.3.2"

    @property
    def ordinary(self) -> bool:
        """是图 5 里的边；RST、放弃与超时那几条不画，否则图就看不清了。"""
        return self.event not in ("rcv RST", "abort") and not self.event.startswith("timeout R2")


_GONE = ("SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING", "LAST_ACK")

TRANSITIONS: tuple[Transition, ...] = (
    # 打开
    Transition("CLOSE", "call listen", "LISTEN", "", "3.10.1"),
    Transition("CLOSE", "call connect", "SYN_SENT", "SYN", "3.10.1"),
    Transition("LISTEN", "rcv SYN", "SYN_RECV", "SYN+ACK", "3.10.7.2"),
    Transition("LISTEN", "call close", "CLOSE", "", "3.10.4"),
    Transition("SYN_SENT", "rcv SYN+ACK", "ESTABLISHED", "ACK", "3.10.7.3"),
    Transition("SYN_SENT", "rcv SYN", "SYN_RECV", "SYN+ACK", "3.10.7.3"),
    Transition("SYN_SENT", "call close", "CLOSE", "", "3.10.4"),
    Transition("SYN_RECV", "rcv ACK", "ESTABLISHED", "", "3.10.7.4"),
    Transition("SYN_RECV", "call close", "FIN_WAIT1", "FIN", "3.10.4"),
    # 关闭：先说再见的一方
    Transition("ESTABLISHED", "call close", "FIN_WAIT1", "FIN", "3.10.4"),
    Transition("FIN_WAIT1", "rcv ACK of FIN", "FIN_WAIT2", "", "3.10.7.4"),
    Transition("FIN_WAIT1", "rcv FIN", "CLOSING", "ACK", "3.10.7.4"),
    Transition("FIN_WAIT1", "rcv FIN+ACK of FIN", "TIME_WAIT", "ACK", "3.10.7.4"),
    Transition("FIN_WAIT2", "rcv FIN", "TIME_WAIT", "ACK", "3.10.7.4"),
    Transition("CLOSING", "rcv ACK of FIN", "TIME_WAIT", "", "3.10.7.4"),
    Transition("TIME_WAIT", "timeout 2MSL", "CLOSE", "", "3.10.8"),
    Transition("FIN_WAIT2", "timeout tcp_fin_timeout", "CLOSE", "", "tcp(7)"),
    # 关闭：后说再见的一方
    Transition("ESTABLISHED", "rcv FIN", "CLOSE_WAIT", "ACK", "3.10.7.4"),
    Transition("CLOSE_WAIT", "call close", "LAST_ACK", "FIN", "3.10.4"),
    Transition("LAST_ACK", "rcv ACK of FIN", "CLOSE", "", "3.10.7.4"),
    # 不告而别：任何时候都可能
    *(Transition(state, "rcv RST", "CLOSE", "", "3.10.7") for state in (*_GONE, "TIME_WAIT")),
    *(Transition(state, "abort", "CLOSE", "RST", "3.10.5") for state in _GONE),
    *(Transition(state, "timeout R2", "CLOSE", "", "3.8.3") for state in _GONE),
)


@dataclass(frozen=True)
class Step:
    """轨迹里的一步：哪台主机的哪个端点，在第几纳秒，走了哪几条边（通常一条）。"""

    host: str
    local: str
    peer: str
    t: int
    before: str
    after: str
    edges: tuple[Transition, ...]


def walk(trace: Trace) -> list[Step]:
    """把轨迹里每个端点的状态变化逐步对到表上；对不上的一步 ``edges`` 为空。"""
    return list(_steps(trace))


def violations(trace: Trace) -> list[str]:
    """违反状态机的地方，一处一句话；没有则为空表。"""
    return [f"{s.host} 的 {s.local}→{s.peer or '*'} 在 {s.t / 1e6:.1f} ms 从 {s.before} 到了 {s.after}，"
            "表里没有这条边，或轨迹里没有它的原因。" for s in _steps(trace) if not s.edges]


def _steps(trace: Trace) -> Iterator[Step]:
    last: dict[tuple[str, str, str], str] = {}
    record = _Record(trace)
    for state in trace.states:
        end = (state.host, state.local, state.peer)
        before = last.get(end, "CLOSE")
        if end not in last and state.peer and state.state != "SYN_SENT":
            before = record.origin(state)
        last[end] = state.state
        edges = next(_Evidence(record, state).paths(before, state.state), ())
        yield Step(*end, state.t, before, state.state, edges)


class _Record:
    """把轨迹过一遍，记下每件事最早在何时：之后每个状态的证据都一问就有。"""

    def __init__(self, trace: Trace) -> None:
        self.captured = trace.capture == "cable"
        self.homes = {host.name: host.addresses for host in trace.hosts}
        self.did: dict[tuple[str, str], int] = {}
        self.connecting: set[tuple[str, str]] = set()
        self.listening: dict[str, int] = {}
        self.unreachable: dict[str, int] = {}
        self.flows: dict[tuple[str, str], list[Packet]] = {}
        self.arrivals: dict[tuple[str, str, str], int] = {}
        self.traits: dict[tuple[str, str], set[str]] = {}
        for event in trace.events:
            getattr(self, event.kind)(event)

    def call(self, call: Call) -> None:
        _earliest(self.did, (call.host, _deed(call)), call.t)
        if call.name.startswith("connect"):
            self.connecting.add((call.host, call.socket))

    def action(self, action: Action) -> None:
        _earliest(self.did, (action.where, action.name), action.t)

    def ready(self, ready: Ready) -> None:
        """就绪是状态的结果，不是迁移的原因。"""

    def queue(self, queue: Queue) -> None:
        """队列里有多少，也是结果。"""

    def state(self, state: State) -> None:
        if state.state == "LISTEN":
            _earliest(self.listening, state.host, state.t)

    def packet(self, packet: Packet) -> None:
        if packet.protocol == "tcp":
            flow = packet.source, packet.target
            self.flows.setdefault(flow, []).append(packet)
            self.traits.setdefault(flow, set()).update(packet.flags, [packet.note])
        elif packet.protocol == "icmp" and packet.end is not None:
            _earliest(self.unreachable, packet.dst, packet.end)

    def origin(self, state: State) -> str:
        """一个端点第一次露面之前在哪里：有监听套接字在等它，就是 LISTEN；否则是 CLOSE。"""
        listening = self.listening.get(state.host, state.t + 1) <= state.t
        return "LISTEN" if listening and (state.host, state.socket) not in self.connecting else "CLOSE"

    def arrived(self, local: str, peer: str, what: str) -> int | None:
        """``local`` 最早何时收到 ``peer`` 的这种段（``SYN+ACK``、``FIN+ACK of FIN``）；从来没有则为 None。"""
        key = local, peer, what
        if key not in self.arrivals:
            flags = set(what.replace(" of FIN", "").split("+"))
            told = self.farewell(local, peer) if "of FIN" in what else -1
            self.arrivals[key] = min((p.end for p in self.flows.get((peer, local), ()) if p.end is not None
                                      and flags <= set(p.flags) and (told < 0 or (told and (p.ack or 0) >= told))), default=-1)
        return self.arrivals[key] if self.arrivals[key] >= 0 else None

    def farewell(self, local: str, peer: str) -> int:
        """我方的 FIN 占去哪个序号，确认号要盖过它；没有 FIN 则为 0。"""
        return min((p.seq + p.length + 1 for p in self.flows.get((local, peer), ())
                    if "FIN" in p.flags and p.seq is not None), default=0)


def _earliest(found: dict[Any, int], key: Any, t: int) -> None:
    found[key] = min(found.get(key, t), t)


class _Evidence:
    """一个端点到某一刻为止的证据：它的主机做过哪些调用，收到过、发出过哪些段。"""

    def __init__(self, record: _Record, state: State) -> None:
        # 没有抓包，或两端在同一台主机上（走环回网口，不上网线）：没有段可查，只查边是否存在
        home = record.homes.get(state.host, []) if state.peer else []
        self.record, self.end, self.free = record, state, \
            not record.captured or state.peer.rpartition(":")[0].strip("[]") in home
        self.sent = record.traits.get((state.local, state.peer), set())

    def did(self, *deeds: str) -> bool:
        return any(self.record.did.get((self.end.host, deed), self.end.t + 1) <= self.end.t for deed in deeds)

    def paths(self, before: str, after: str) -> Iterator[tuple[Transition, ...]]:
        """从 before 到 after 的路，短的在先。有抓包时每一步都看得见，至多两条边；没有抓包时至多五条。

        路不穿过 CLOSE：连接的一生在那里结束。
        """
        reached: list[tuple[Transition, ...]] = [(t,) for t in TRANSITIONS if t.before == before and self.has(t)]
        for _ in range(5 if self.free else 2):
            yield from (path for path in reached if path[-1].after == after)
            reached = [(*path, t) for path in reached if path[-1].after != "CLOSE"
                       for t in TRANSITIONS if t.before == path[-1].after and self.has(t)]

    def has(self, edge: Transition) -> bool:
        """轨迹里有没有这条边的原因。"""
        kind, _, what = edge.event.partition(" ")
        if self.free:
            return True
        if kind == "timeout":
            return what != "R2" or self._gave_up()
        if kind == "call":
            wanted = {"close": {"close", "shutdown", "kill", "ended", "reboot"}, "connect": {"connect", "connect_ex"}}
            return self.did(*wanted.get(what, {what}))
        if kind == "abort":
            return "RST" in self.sent or self.did("reboot")
        arrived = self.record.arrived(self.end.local, self.end.peer, what)
        return arrived is not None and arrived <= self.end.t

    def _gave_up(self) -> bool:
        """说过不止一遍而没有人应，或者有 ICMP 说到不了（RFC 9293 §3.9.2.2）。"""
        unreachable = self.record.unreachable.get(self.end.host, self.end.t + 1) <= self.end.t
        return unreachable or bool(self.sent & {"retransmission", "keepalive", "window probe"})


def _deed(call: Call) -> str:
    """做了什么：名字就是了，除了带 MSG_FASTOPEN 的发送，它也是一次 connect（RFC 7413）。"""
    return "connect" if "MSG_FASTOPEN" in call.args else call.name
