"""哪次调用引出了哪个包，哪个包是对哪个包的应答。

轨迹里没有写明因果，但协议写明了：SYN 来自 connect；数据来自覆盖它首字节的那次发送；FIN 来自 shutdown，
或者最后一次 close，或者进程的死亡；应答来自被应答的包；路由器发出的，是它刚收到的那个。
找不到就没有：保活和窗口探测由内核的定时器发出，不归任何人。
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator
from heapq import heappop, heappush

from sockscope.render.addresses import address_of, normal
from sockscope.render.descriptors import posted_by
from sockscope.trace import Action, Call, Packet, Trace

__all__ = ["causes", "fellows", "socket_of"]

SENDS = ("send", "write")  # 与 writev；SSL_write 交出去的是明文，网线上的字节不是它
SPOKEN = ("SSL_do_handshake", "SSL_write", "SSL_shutdown")  # 密文有多少，调用里看不出来
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


def fellows(trace: Trace) -> dict[int, list[int]]:
    """包的下标 → 它还带着哪几次调用的字节（引出它的那一次除外）：攒在一起的几次发送，随数据走的告别。"""
    detective = _Detective(trace)
    found = {index: detective.company(event) for index, event in enumerate(trace.events)
             if isinstance(event, Packet) and event.protocol == "tcp" and event.length and not event.note}
    return {index: calls for index, calls in found.items() if calls}


NEVER = 1 << 62
KEPT = 256  # 轨迹里每次发送至多留下这么多字节


class _Detective:
    """把轨迹过一遍，沿途记下谁发送了哪些字节、谁收到了什么。"""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.owner = socket_of(trace)
        self.addresses = {h.name: set(map(normal, h.addresses)) for h in trace.hosts}
        self.calls: dict[tuple[str, str], list[tuple[int, Call]]] = defaultdict(list)
        self.by_host: dict[str, list[tuple[int, Call]]] = defaultdict(list)
        self.deaths: dict[str, _Moments] = defaultdict(_Moments)
        self.posted: set[tuple[str, str]] = set()
        self.written: dict[Hashable, deque[tuple[int, int]]] = defaultdict(deque)
        self.sorted: set[tuple[str, int]] = set()
        self.moments: dict[Hashable, _Moments] = {}
        self.carried: dict[Hashable, _Arrivals] = defaultdict(_Arrivals)
        self.heard: dict[Hashable, _Arrivals] = defaultdict(_Arrivals)
        self.first: dict[Identity, int] = {}
        self.said: dict[Flow, int] = defaultdict(int)  # 一个端点上一次发包的时刻
        self.spent: set[int] = set()
        self.pieces: dict[tuple[str, bytes], int] = {}  # 分片的标识 → 写出它的那次发送
        for index, event in enumerate(trace.events):
            if isinstance(event, Call):
                self.calls[event.host, event.socket.rstrip("′")].append((index, event))
                self.by_host[event.host].append((index, event))
                self.posted.update(posted_by(event))
                if event.name.startswith(SENDS):
                    self.written[event.host, event.data, event.size].append((index, event.t))
            elif isinstance(event, Action) and event.name in ("kill", "reboot", "ended"):
                self.deaths[event.where].add(index, event.t)
        self.sent = {key: list(_ranges(calls)) for key, calls in self.calls.items()}

    def solve(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for index, event in enumerate(self.trace.events):
            if not isinstance(event, Packet):
                continue
            cause = self.cause(event)
            if cause is not None:
                found[index] = cause
            identity = _identity(event)
            self.first.setdefault(identity, index)
            self.said[event.src, event.source, event.target] = event.t
            self.arrive(index, event, identity)
        return found

    def arrive(self, index: int, packet: Packet, identity: Identity) -> None:
        """记下它要到了：转发的人凭身份找它，回答的人凭来处找它。"""
        if packet.end is None:
            return
        self.carried[packet.dst, *identity[1:]].add(index, packet.end)
        quiet = packet.pure_ack
        for origin in ((packet.source, packet.target), address_of(packet.source)):
            self.heard[packet.dst, origin, quiet].add(index, packet.end)

    def cause(self, packet: Packet) -> int | None:
        if not self.is_origin(packet):
            return self.forwarded(packet)
        if packet.info.startswith("fragment ") and packet.raw.startswith("4"):
            return self.fragment(packet)
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
        wrote = [self.unspent(key, packet.t) for key in self.writings(packet.src, body)]
        first = min((i for i in wrote if i is not None), default=None)
        return self.answered(packet) if first is None else self.spend(first)

    def writings(self, host: str, body: bytes) -> list[Hashable]:
        """程序写下的就是 IP 里装的；校验和与标识（第 2 到 5 字节）内核可能代填，连首部一起写的则以它结尾。"""
        size = len(body)
        if (host, size) not in self.sorted and size <= KEPT:
            self.sorted.add((host, size))
            for index, call in self.by_host[host]:
                data = bytes.fromhex(call.data) if call.name.startswith(SENDS) else b""
                if data and len(data) >= size:
                    self.written[host, size, data[len(data) - size:]].append((index, call.t))
                if data and len(data) == size:
                    self.written[host, size, data[:2], data[6:]].append((index, call.t))
        return [(host, size, body), (host, size, body[:2], body[6:])]

    def unspent(self, key: Hashable, t: int) -> int | None:
        """这一堆发送里到 ``t`` 为止第一个还没有用过的；用过的从头上拿掉，下次不再看。"""
        heap = self.written[key]
        while heap and heap[0][0] in self.spent:
            heap.popleft()
        return heap[0][0] if heap and heap[0][1] <= t else None

    def spend(self, index: int) -> int:
        self.spent.add(index)
        return index

    def latest(self, packet: Packet, names: list[str]) -> int | None:
        """发包之前最近一次这样的调用；用户态的 SCTP 叫 ``usrsctp_connect`` 之类，所以只比末尾。"""
        key = (packet.src, *names)
        if key not in self.moments:
            self.moments[key] = _Moments((i, c.t) for i, c in self.by_host[packet.src]
                                         if c.name.removeprefix("usrsctp_").startswith(tuple(names)))
        return self.moments[key].latest(packet.t)

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
            return self.call(packet, ("recv", "recvmsg", "read", "readv", "SSL_read"))
        return self.answered(packet)

    # ------------------------------------------------------------ 各条规则

    def is_origin(self, packet: Packet) -> bool:
        """这台主机是源头，还是只替别人转发。"""
        return address_of(packet.source) in self.addresses.get(packet.src, ())

    def forwarded(self, packet: Packet) -> int | None:
        return self.carried[packet.src, *_identity(packet)[1:]].take(packet.t)

    def answered(self, packet: Packet) -> int | None:
        """最后一个到了的、它可能在回答的包；除非别无可答，不算纯 ACK。"""
        back = (packet.target, packet.source) if packet.protocol == "tcp" else address_of(packet.target)
        asked = self.heard[packet.src, back, False].newest(packet.t)
        return asked if asked is not None else self.heard[packet.src, back, True].newest(packet.t)

    def label(self, packet: Packet) -> str | None:
        owner = self.owner.get((packet.src, packet.source, packet.target))
        return owner.rstrip("′") if owner else None

    def call(self, packet: Packet, names: tuple[str, ...]) -> int | None:
        """发包之前（同一套接字上）最近一次这样的调用。"""
        label = self.label(packet)
        key = (packet.src, label, names)
        if key not in self.moments:
            calls = self.calls[packet.src, label] if label else self.by_host[packet.src]
            self.moments[key] = _Moments((i, c.t) for i, c in calls if c.name in names)
        return self.moments[key].latest(packet.t)

    def sending(self, packet: Packet) -> int | None:
        sent = self.sent.get((packet.src, self.label(packet) or ""), [])
        place = bisect_right(sent, packet.seq, key=lambda r: r[1]) if packet.seq is not None else 0
        if not place or packet.seq is None:
            return self.call(packet, SPOKEN) if packet.length else None
        index, _, stop, t = sent[place - 1]  # 各次发送首尾相接，所以盖住它的只会是这一次
        return index if packet.seq < stop and t <= packet.t else self.call(packet, SPOKEN)

    def company(self, packet: Packet) -> list[int]:
        """首字节之外的字节是哪几次发送交出来的；带着 FIN 的，还有那次告别。"""
        if packet.seq is None or not self.is_origin(packet):
            return []
        sent = self.sent.get((packet.src, self.label(packet) or ""), [])
        found, place = [], bisect_right(sent, packet.seq, key=lambda r: r[1])
        while place < len(sent) and sent[place][1] < packet.seq + packet.length and sent[place][3] <= packet.t:
            found.append(sent[place][0])
            place += 1
        if "FIN" in packet.flags:
            last = self.sending(packet)
            found += [last] if last is not None else []
        return found

    def farewell(self, packet: Packet) -> int | None:
        label = self.label(packet) or ""
        shut = self.farewells(packet.src, label, "shutdown").earliest(packet.t)
        if shut is not None:
            return shut
        closes = self.farewells(packet.src, label, "close")  # 发走了一份，放下的就不是最后一份
        last = None if (packet.src, label) in self.posted else closes.latest(packet.t)
        return last if last is not None else self.death(packet)

    def farewells(self, host: str, label: str, name: str) -> _Moments:
        """一个套接字上没有出错的告别：写的一半 shutdown，或者 close。"""
        key = ("farewell", host, label, name)
        if key not in self.moments:
            self.moments[key] = _Moments((i, c.t) for i, c in self.calls[host, label] if c.name == name and not c.errno
                                         and (name == "close" or "WR" in c.args or "1" in c.args))
        return self.moments[key]

    def death(self, packet: Packet) -> int | None:
        return self.deaths[packet.src].latest(packet.t)

    def reset(self, packet: Packet) -> int | None:
        """RST 是对某个包的回答，除非是内核自己要断：程序关了连接，进程死了，或者 ``ss -K``（那就没有谁引出它）。

        回答带 ACK 的段，RST 不带 ACK（RFC 9293 §3.5.2）；内核自己要断的带着（Linux 的 tcp_send_active_reset()）。
        """
        answered = self.answered(packet)
        reason = self.trace.events[answered] if answered is not None else None
        if "ACK" in packet.flags and not (isinstance(reason, Packet) and reason.flags == ["SYN"]
                                          and _landed(reason) >= self.said[packet.src, packet.source, packet.target]):
            closing = self.call(packet, ("close",)) if self.label(packet) else self.unlistened(packet)
            return closing if closing is not None else self.death(packet)
        closing = self.call(packet, ("close",)) if self.label(packet) else None
        closing = closing if closing is not None else self.death(packet)
        if closing is None or reason is None:
            return closing if answered is None else answered
        heard = _landed(reason) if isinstance(reason, Packet) else reason.t
        return closing if self.trace.events[closing].t > heard else answered

    def unlistened(self, packet: Packet) -> int | None:
        """还没有 accept 的连接，由它的监听套接字的 close 断掉：本地地址相同、listen 过的那一个。"""
        port = packet.source.rpartition(":")[2]
        calls = self.by_host[packet.src]
        ears = {c.socket for _, c in calls if c.name == "listen"}
        ears &= {c.socket for _, c in calls if c.name == "bind" and c.args.endswith(f" {port})")}
        closed = [i for i, c in calls if c.name == "close" and c.t <= packet.t and c.socket in ears]
        return closed[-1] if closed else None

    def datagram(self, packet: Packet) -> int | None:
        wrote = self.unspent((packet.src, packet.payload[:KEPT].hex(), packet.length), packet.t)
        return None if wrote is None else self.spend(wrote)


    def fragment(self, packet: Packet) -> int | None:
        """IPv4 的分片：第一片里有数据的开头，后面的凭标识认（RFC 791 §3.2）。"""
        raw = bytes.fromhex(packet.raw)
        wrote = self.latest(packet, ["send"])
        if wrote is not None and packet.protocol == "udp":
            call = self.trace.events[wrote]
            assert isinstance(call, Call)
            if call.data and call.data.startswith(packet.payload[:KEPT].hex()):
                self.pieces[packet.src, raw[4:6]] = wrote
        return self.pieces.get((packet.src, raw[4:6]))


class _Moments:
    """一些事的下标与时刻，按先后：问到某一刻为止的第一件或最后一件。"""

    def __init__(self, happened: Iterable[tuple[int, int]] = ()) -> None:
        self.indices: list[int] = []
        self.times: list[int] = []
        for index, t in happened:
            self.add(index, t)

    def add(self, index: int, t: int) -> None:
        self.indices.append(index)
        self.times.append(t)

    def latest(self, t: int) -> int | None:
        place = bisect_right(self.times, t)
        return self.indices[place - 1] if place else None

    def earliest(self, t: int) -> int | None:
        return self.indices[0] if self.times and self.times[0] <= t else None


class _Arrivals:
    """到一处去的包：路上的按到达的时刻排着，到了的取最后发出的那个。问的时刻只会越来越晚。"""

    def __init__(self) -> None:
        self.flying: list[tuple[int, int]] = []
        self.landed: list[int] = []

    def add(self, index: int, end: int) -> None:
        heappush(self.flying, (end, index))

    def newest(self, t: int) -> int | None:
        while self.flying and self.flying[0][0] <= t:
            heappush(self.landed, -heappop(self.flying)[1])
        return -self.landed[0] if self.landed else None

    def take(self, t: int) -> int | None:
        """取走它：一个包只转发一次。"""
        return -heappop(self.landed) if self.newest(t) is not None else None


def _ranges(calls: list[tuple[int, Call]]) -> Iterator[tuple[int, int, int, int]]:
    """每次发送占据的相对序号：数据从 1 开始，SYN 占了 0。还阻塞着的发送，终点未知。"""
    start = 1
    for index, call in calls:
        if call.name.startswith(SENDS) and not call.errno:
            stop = start + call.size if call.size is not None else NEVER
            yield index, start, stop, call.t
            start = stop


Identity = tuple[object, ...]


def _landed(packet: Packet) -> int:
    """到达的时刻；没有到达的，排在一切之后。"""
    return packet.end if packet.end is not None else NEVER


def _identity(packet: Packet) -> Identity:
    """同一个 IP 包在每根网线上都一样的部分；第一项是发出它的主机。"""
    return (packet.src, packet.source, packet.target, packet.protocol, tuple(f for f in packet.flags if f != "PSH"),
            packet.seq, packet.length, packet.ack if packet.pure_ack else None)
