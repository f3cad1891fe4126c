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

from sockscope.trace import Action, Call, Packet, State, Trace

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
    for state in trace.states:
        end = (state.host, state.local, state.peer)
        before = last.get(end, "CLOSE")
        if end not in last and state.peer and state.state != "SYN_SENT":
            before = _origin(state, trace)
        last[end] = state.state
        evidence = _Evidence(trace, state)
        edges = next(evidence.paths(before, state.state), ())
        yield Step(*end, state.t, before, state.state, edges)


def _origin(state: State, trace: Trace) -> str:
    """一个端点第一次露面之前在哪里：有监听套接字在等它，就是 LISTEN；否则是 CLOSE。"""
    listening = any(s.state == "LISTEN" and s.host == state.host and s.t <= state.t for s in trace.states)
    mine = any(c.name.startswith("connect") and c.host == state.host and c.socket == state.socket for c in trace.calls)
    return "LISTEN" if listening and not mine else "CLOSE"


class _Evidence:
    """一个端点到某一刻为止的证据：它的主机做过哪些调用，收到过、发出过哪些段。"""

    def __init__(self, trace: Trace, state: State) -> None:
        # 没有抓包，或两端在同一台主机上（走环回网口，不上网线）：没有段可查，只查边是否存在
        home = trace.host(state.host).addresses if state.peer else []
        self.free = trace.capture != "cable" or state.peer.rpartition(":")[0].strip("[]") in home
        self.calls = {_deed(e) for e in trace.events
                      if isinstance(e, Call | Action) and e.t <= state.t and _at(e) == state.host}
        mine = [p for p in trace.packets if p.protocol == "tcp" and {p.source, p.target} == {state.local, state.peer}]
        self.received = [p for p in mine
                         if p.target == state.local and p.end is not None and p.end <= state.t]
        self.sent = [p for p in mine if p.source == state.local]
        self.unreachable = any(p.protocol == "icmp" and p.dst == state.host and p.end is not None
                               and p.end <= state.t for p in trace.packets)

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
            wanted = {"close": {"close", "shutdown", "kill", "reboot"}, "connect": {"connect", "connect_ex"}}
            return bool(self.calls & wanted.get(what, {what}))
        if kind == "abort":
            return any("RST" in p.flags for p in self.sent) or "reboot" in self.calls
        flags = set(what.replace(" of FIN", "").split("+"))
        return any(flags <= set(p.flags) and self._acknowledges(p, what) for p in self.received)

    def _gave_up(self) -> bool:
        """说过不止一遍而没有人应，或者有 ICMP 说到不了（RFC 9293 §3.9.2.2）。"""
        return self.unreachable or any(p.note in ("retransmission", "keepalive", "window probe") for p in self.sent)

    def _acknowledges(self, packet: Packet, what: str) -> bool:
        """``ACK of FIN``：确认号要盖过我方的 FIN。"""
        if "of FIN" not in what:
            return True
        ends = [p.seq + p.length + 1 for p in self.sent if "FIN" in p.flags and p.seq is not None]
        return bool(ends) and packet.ack is not None and packet.ack >= min(ends)


def _deed(event: Call | Action) -> str:
    """做了什么：名字就是了，除了带 MSG_FASTOPEN 的发送，它也是一次 connect（RFC 7413）。"""
    return "connect" if isinstance(event, Call) and "MSG_FASTOPEN" in event.args else event.name


def _at(event: Call | Action) -> str:
    return event.host if isinstance(event, Call) else event.where
