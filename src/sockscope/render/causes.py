"""哪次调用引出了哪个包，哪个包是对哪个包的应答。

轨迹里没有写明因果，但协议写明了：SYN 来自 connect；数据来自覆盖它首字节的那次发送；FIN 来自 shutdown，
或者最后一次 close，或者进程的死亡；应答来自被应答的包；路由器发出的，是它刚收到的那个。
找不到就没有：保活和窗口探测由内核的定时器发出，不归任何人。
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from sockscope.render.addresses import address_of, normal
from sockscope.render.descriptors import posted_by
from sockscope.trace import Action, Call, Packet, Trace

__all__ = ["causes", "socket_of"]

BORN = re.compile(r"(s\d+), \('([^']+)', (\d+)")  # accept 的结果
Flow = tuple[str, str, str]  # 主机、本地、对端


def socket_of(trace: Trace) -> dict[Flow, str]:
    """每个 TCP 端点属于哪个套接字（``s1``……）：听内核状态里的，再听 accept 的结果。"""
    owner: dict[Flow, str] = {}
    accepted = _accepted(trace)
    for state in trace.states:
        label = state.socket or accepted.get((state.host, state.peer), "")
        if label:
            owner.setdefault((state.host, state.local, state.peer), label)
    return owner


def _accepted(trace: Trace) -> dict[tuple[str, str], str]:
    """(主机, 对端) → accept 给它的套接字。"""
    found = {}
    for call in trace.calls:
        if call.name == "accept" and (born := BORN.match(call.result or "")):
            address = f"[{born[2]}]" if ":" in born[2] else born[2]
            found[call.host, f"{address}:{born[3]}"] = born[1]
    return found


def causes(trace: Trace) -> dict[int, int]:
    """包的下标 → 引出它的调用、包或动作的下标。"""
    return _Detective(trace).solve()


NEVER = 1 << 62


class _Detective:
    """把轨迹过一遍，沿途记下谁发送了哪些字节、谁收到了什么。"""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.owner = socket_of(trace)
        self.addresses = {h.name: set(map(normal, h.addresses)) for h in trace.hosts}
        self.calls: dict[tuple[str, str], list[tuple[int, Call]]] = defaultdict(list)
        self.by_host: dict[str, list[tuple[int, Call]]] = defaultdict(list)
        self.actions: list[tuple[int, Action]] = []
        self.arrived: dict[str, list[tuple[int, Packet]]] = defaultdict(list)
        self.first: dict[Identity, int] = {}
        self.spent: set[int] = set()
        for index, event in enumerate(trace.events):
            if isinstance(event, Call):
                self.calls[event.host, event.socket.rstrip("′")].append((index, event))
                self.by_host[event.host].append((index, event))
            elif isinstance(event, Action):
                self.actions.append((index, event))
        self.sent = {key: list(_ranges(calls)) for key, calls in self.calls.items()}

    def solve(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for index, event in enumerate(self.trace.events):
            if not isinstance(event, Packet):
                continue
            cause = self.cause(event)
            if cause is not None:
                found[index] = cause
            self.first.setdefault(_identity(event), index)
            if event.end is not None:
                self.arrived[event.dst].append((index, event))
        return found

    def cause(self, packet: Packet) -> int | None:
        if not self.is_origin(packet):
            return self.forwarded(packet)
        if packet.protocol == "udp":
            return self.datagram(packet)
        if packet.protocol == "sctp":
            return self.chunk(packet)
        if packet.protocol != "tcp":
            return self.raw(packet)
        if packet.note == "retransmission":
            return self.first.get(_identity(packet))
        if packet.note in ("keepalive", "window probe"):
            return None
        return self.segment(packet)

    def chunk(self, packet: Packet) -> int | None:
        """SCTP 的一个包：重传的是谁，哪次调用叫它走的，或者它在回答谁。"""
        if packet.note == "retransmission":
            return self.first.get(_identity(packet))
        for flag, *names in (("INIT", "connect"), ("DATA", "send"), ("ABORT", "close"), ("SHUTDOWN", "shutdown", "close")):
            if flag in packet.flags:
                return self.latest(packet, names)
        return self.answered(packet)

    def raw(self, packet: Packet) -> int | None:
        """ICMP 与别的协议：先找原样写出它的那次发送，没有再找它在回答谁。"""
        raw = bytes.fromhex(packet.raw)
        body = raw[40:] if raw[0] >> 4 == 6 else raw[(raw[0] & 15) * 4:]
        wrote = [i for i, c in self.by_host[packet.src] if c.name.startswith("send") and c.t <= packet.t
                 and i not in self.spent and c.data and _same(bytes.fromhex(c.data), body)]
        self.spent.update(wrote[:1])
        return wrote[0] if wrote else self.answered(packet)

    def latest(self, packet: Packet, names: list[str]) -> int | None:
        """发包之前最近一次这样的调用；用户态的 SCTP 叫 ``usrsctp_connect`` 之类，所以只比末尾。"""
        return max((i for i, c in self.by_host[packet.src] if c.name.removeprefix("usrsctp_").startswith(tuple(names))
                    and c.t <= packet.t), default=None)

    def segment(self, packet: Packet) -> int | None:
        if "RST" in packet.flags:
            return self.reset(packet)
        if "SYN" in packet.flags:
            return self.answered(packet) if "ACK" in packet.flags else self.call(packet, ("connect", "connect_ex"))
        if "FIN" in packet.flags:
            return self.farewell(packet)
        if packet.length:
            return self.sending(packet)
        if packet.note == "window update":
            return self.call(packet, ("recv", "recvmsg"))
        return self.answered(packet)

    # ------------------------------------------------------------ 各条规则

    def is_origin(self, packet: Packet) -> bool:
        """这台主机是源头，还是只替别人转发。"""
        return address_of(packet.source) in self.addresses.get(packet.src, ())

    def forwarded(self, packet: Packet) -> int | None:
        for index, other in reversed(self.arrived[packet.src]):
            if index not in self.spent and _landed(other) <= packet.t and _identity(other)[1:] == _identity(packet)[1:]:
                self.spent.add(index)
                return index
        return None

    def answered(self, packet: Packet) -> int | None:
        pure = None
        for index, other in reversed(self.arrived[packet.src]):
            if _landed(other) > packet.t or not _replies(packet, other):
                continue
            if not other.pure_ack:
                return index
            pure = index if pure is None else pure
        return pure

    def label(self, packet: Packet) -> str | None:
        owner = self.owner.get((packet.src, packet.source, packet.target))
        return owner.rstrip("′") if owner else None

    def call(self, packet: Packet, names: tuple[str, ...]) -> int | None:
        """发包之前（同一套接字上）最近一次这样的调用。"""
        label = self.label(packet)
        calls = self.calls[packet.src, label] if label else self.by_host[packet.src]
        return max((i for i, c in calls if c.name in names and c.t <= packet.t), default=None)

    def sending(self, packet: Packet) -> int | None:
        sent = self.sent.get((packet.src, self.label(packet) or ""), ()) if packet.seq is not None else ()
        return next((index for index, start, stop, t in sent if start <= (packet.seq or 0) < stop and t <= packet.t), None)

    def farewell(self, packet: Packet) -> int | None:
        label = self.label(packet) or ""
        calls = [(i, c) for i, c in self.calls[packet.src, label] if c.t <= packet.t and not c.errno]
        for index, call in calls:
            if call.name == "shutdown" and ("WR" in call.args or "1" in call.args):
                return index
        posted = (packet.src, label) in (key for _, c in self.by_host[packet.src] for key in posted_by(c))
        closes = [i for i, c in calls if c.name == "close" and not posted]  # 寄走了一份，放下的就不是最后一份
        return closes[-1] if closes else self.death(packet)

    def death(self, packet: Packet) -> int | None:
        return max((i for i, a in self.actions
                    if a.where == packet.src and a.name in ("kill", "reboot") and a.t <= packet.t), default=None)

    def reset(self, packet: Packet) -> int | None:
        """RST 是对某个包的回答，除非在那之后应用亲手关掉了连接。"""
        answered = self.answered(packet)
        closing = self.call(packet, ("close",)) if self.label(packet) else None
        closing = closing if closing is not None else self.death(packet)
        if closing is None or answered is None:
            return closing if answered is None else answered
        reason = self.trace.events[answered]
        heard = _landed(reason) if isinstance(reason, Packet) else reason.t
        return closing if self.trace.events[closing].t > heard else answered

    def datagram(self, packet: Packet) -> int | None:
        wanted = packet.payload[:256].hex()
        for index, call in self.by_host[packet.src]:
            if index not in self.spent and call.name.startswith("send") and call.t <= packet.t \
                    and call.data == wanted and call.size == packet.length:
                self.spent.add(index)
                return index
        return None


def _ranges(calls: list[tuple[int, Call]]) -> Iterator[tuple[int, int, int, int]]:
    """每次发送占据的相对序号：数据从 1 开始，SYN 占了 0。还阻塞着的发送，终点未知。"""
    start = 1
    for index, call in calls:
        if call.name.startswith("send") and not call.errno:
            stop = start + call.size if call.size is not None else NEVER
            yield index, start, stop, call.t
            start = stop


def _same(written: bytes, body: bytes) -> bool:
    """程序写下的就是 IP 里装的；校验和与标识（第 2 到 5 字节）内核可能代填，连首部一起写的则以它结尾。"""
    return written.endswith(body) or (len(written) == len(body) and written[:2] + written[6:] == body[:2] + body[6:])


Identity = tuple[object, ...]


def _landed(packet: Packet) -> int:
    """到达的时刻；没有到达的，排在一切之后。"""
    return packet.end if packet.end is not None else NEVER


def _identity(packet: Packet) -> Identity:
    """同一个 IP 包在每根网线上都一样的部分；第一项是发出它的主机。"""
    return (packet.src, packet.source, packet.target, packet.protocol, tuple(f for f in packet.flags if f != "PSH"),
            packet.seq, packet.length, packet.ack if packet.pure_ack else None)


def _replies(packet: Packet, other: Packet) -> bool:
    if packet.protocol == "tcp":
        return (other.source, other.target) == (packet.target, packet.source)
    return address_of(other.source) == address_of(packet.target)

