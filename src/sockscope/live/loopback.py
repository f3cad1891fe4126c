"""主机自己的 127.0.0.1：同一台主机上的两个程序说的话，也上得了图。

工作原理
--------
环回网口 ``lo`` 没有另一头可以插进我们手里，但主机有自己的命名空间，里面的 AF_PACKET 套接字看得见 ``lo`` 上的每一个包：
离开时一次，到达时又一次，都带着内核的时刻。看只是看：不能推迟，也不能丢。

图要有两边，所以这台主机在轨迹里分成两列：先开口的（连别人的）在左，等着的（listen 的、绑了端口的）在右，中间就是 ``lo``。
哪个线程在哪一边，看它有没有在那个端口上等过；其余的（别的网线、它与别的主机的连接）不动。最左边的主机，先开口的是新的一列；
最右边的主机，等着的是新的一列：经过一台代理再到服务器的，从左到右正好是先后。
"""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sockscope import trace as tr
from sockscope.live.cable import Passage
from sockscope.live.decode import Decoder, is_background
from sockscope.live.linux import AF_PACKET
from sockscope.live.netconf import SO_RCVBUFFORCE
from sockscope.live.states import PLAIN
from sockscope.live.tracer import wall_clock
from sockscope.live.waits import REAL

if TYPE_CHECKING:
    from sockscope.live.host import Host

__all__ = ["Loopback", "beside"]

EVERY, OUTGOING, ARRIVED = 0x0003, 4, 0  # ETH_P_ALL、PACKET_OUTGOING、PACKET_HOST（<linux/if_ether.h>、<linux/if_packet.h>）
IP = (0x0800, 0x86DD)  # ETH_P_IP、ETH_P_IPV6
SO_TIMESTAMPNS = 35  # <asm-generic/socket.h>
SOL_PACKET, PACKET_STATISTICS = 263, 6  # <linux/if_packet.h>
LARGEST, ROOM = 1 << 17, 8 << 20
PORT = re.compile(r", ([1-9]\d*)")
ADDRESS = re.compile(r"\('([^']+)', (\d+)")
BORN = re.compile(r"(s\d+)(?:,|$)")


class Loopback:
    """看着一台主机的 ``lo``。"""

    def __init__(self, host: Host) -> None:
        self.host = host
        fd = host.require_namespace().socket(AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERY))
        self.sock = PLAIN(AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERY), fd)
        self.sock.bind(("lo", EVERY))
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
            with suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, option, ROOM)
                break
        self.passages: list[Passage] = []
        self.decoder = Decoder()
        self.decoded = self.landed = self.missed = 0
        self.shift, self.frozen = wall_clock(host.journal), False
        self.lock = threading.Lock()
        self.bell = os.eventfd(0, os.EFD_CLOEXEC)
        self.thread = threading.Thread(target=self._run, name="loopback", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        poll = REAL["poll"]()
        for fd in (self.sock.fileno(), self.bell):
            poll.register(fd, select.POLLIN)
        while not any(fd == self.bell for fd, _ in poll.poll()):
            self.take()

    def take(self) -> None:
        """取走等着的全部包。"""
        with self.lock:
            while not self.frozen:
                try:
                    raw, told, _, (_, kind, way, *_) = self.sock.recvmsg(LARGEST, socket.CMSG_SPACE(16))
                except OSError:  # 取完了
                    break
                if kind in IP and raw and not is_background(raw):
                    self._note(raw, told, way)

    def _note(self, raw: bytes, told: list[Any], way: int) -> None:
        t = self._moment(told)
        if way == OUTGOING:
            self.passages.append(Passage(len(self.passages) + 1, 0, "", "", raw, t))
            self.host.see(raw, False)
        elif way == ARRIVED and self.landed < len(self.passages):  # lo 不换次序
            self.passages[self.landed].end = t
            self.landed += 1
            self.host.see(raw, True)

    def _moment(self, told: list[Any]) -> int:
        for level, kind, body in told:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = struct.unpack("ll", body)
                return int(seconds * 1_000_000_000 + nanoseconds - self.shift)
        return self.host.journal.now()

    def packets(self) -> list[tr.Packet]:
        """到此刻为止的全部包。"""
        self.take()
        with self.lock:
            for passage in self.passages[self.decoded:]:
                passage.fields = self.decoder.decode(passage.raw, passage.cable)
            self.decoded = len(self.passages)
            if self.sock.fileno() >= 0:
                _, dropped = struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
                self.missed += dropped
            return [passage.packet() for passage in self.passages]

    def freeze(self) -> None:
        """停笔。"""
        self.packets()
        self.frozen = True

    def close(self) -> None:
        """放下描述符，线程随之结束。"""
        os.eventfd_write(self.bell, 1)
        self.thread.join()
        self.forget()

    def forget(self) -> None:
        """只放下描述符。"""
        if self.sock.fileno() >= 0:
            self.sock.close()
            os.close(self.bell)


# ---------------------------------------------------------------- 一台主机，两列

def beside(trace: tr.Trace, name: str, packets: list[tr.Packet]) -> tr.Trace:
    """把主机 ``name`` 分成两列，``lo`` 上的包在中间。``name`` 要在一排的头上或末尾。"""
    names = [host.name for host in trace.hosts]
    first = names[0] == name
    mine = trace.host(name)
    both = [*mine.addresses, "127.0.0.1", "::1"]
    twin = tr.Host(name=f"{name}·lo", title=f"{mine.title}·lo", addresses=both)
    mine = replace(mine, addresses=both)
    lo = tr.Cable(ends=[twin.name, name] if first else [name, twin.name])
    sides = _Sides(trace, name, packets, *((twin.name, name) if first else (name, twin.name)))
    place = 0 if first else len(trace.cables)
    events = [sides.moved(event) for event in (_shifted(e) if first else e for e in trace.events)]
    numbers = max((p.number for p in trace.packets), default=0)
    others, cables = [host for host in trace.hosts if host.name != name], trace.cables
    if not any(_where(event) - {name} for event in trace.events):  # 别处什么也没有发生，就不画
        others, cables, place = [], [], 0
    events += [sides.packet(p, place, numbers) for p in packets]
    return replace(trace, hosts=[twin, mine, *others] if first else [*others, mine, twin],
                   cables=[lo, *cables] if first else [*cables, lo], events=tr.in_order(events))


def _where(event: tr.Event) -> set[str]:
    """这件事在哪些主机上（网线上的动作，算网线的）。"""
    match event:
        case tr.Packet():
            return {event.src, event.dst}
        case tr.Action():
            return {event.where}
    return {event.host}


def _shifted(event: tr.Event) -> tr.Event:
    """左边多了一根网线：别的往后数一个。"""
    if isinstance(event, tr.Packet):
        return replace(event, cable=event.cable + 1)
    if isinstance(event, tr.Action) and re.fullmatch(r"cable\d+", event.where):
        return replace(event, where=f"cable{int(event.where[5:]) + 1}")
    return event


def _endpoint(args: str) -> str:
    """参数里的地址，写成轨迹里端点的样子。"""
    found = ADDRESS.search(args)
    return "" if found is None else f"[{found[1]}]:{found[2]}" if ":" in found[1] else f"{found[1]}:{found[2]}"


class _Sides:
    """一台主机上的事，哪些在左（先开口的），哪些在右（等着的）。"""

    def __init__(self, trace: tr.Trace, name: str, packets: Iterable[tr.Packet], asking: str, waiting: str) -> None:
        self.name, self.asking, self.waiting = name, asking, waiting
        self.flows: set[tuple[str, str]] = set()
        for packet in packets:
            pair = packet.source, packet.target
            if pair[::-1] not in self.flows and not packet.protocol.startswith("icmp"):
                self.flows.add(pair)
        self.ends = {target for _, target in self.flows}
        ports = {end.rpartition(":")[2] for end in self.ends}
        calls = [call for call in trace.calls if call.host == name]
        bound = {c.socket for c in calls if c.name == "bind" and (found := PORT.search(c.args)) and found[1] in ports}
        born = {found[1] for c in calls if c.name == "accept" and c.socket in bound and (found := BORN.match(c.result or ""))}
        asks = {c.socket for c in calls if c.name.startswith(("connect", "sendto")) and _endpoint(c.args) in self.ends}
        self.threads = {c.thread for c in calls if c.socket in bound | born}
        touched = {c.socket for c in calls if c.thread in self.threads and c.socket}  # 代理往前连的，也在它那一边
        elsewhere = {c.socket for c in calls if c.socket and c.thread not in self.threads}
        self.labels = bound | born | (touched - elsewhere - asks)

    def side(self, waits: bool) -> str:
        return self.waiting if waits else self.asking

    def moved(self, event: tr.Event) -> tr.Event:
        """这件事归到哪一列。"""
        match event:
            case tr.Call(host=self.name):
                waits = event.socket in self.labels if event.socket else event.thread in self.threads
                return replace(event, host=self.side(waits))
            case tr.State(host=self.name) if (event.local, event.peer) in self.flows or (event.peer, event.local) in self.flows:
                return replace(event, host=self.side((event.peer, event.local) in self.flows))
            case tr.State(host=self.name) | tr.Ready(host=self.name) | tr.Queue(host=self.name):
                return replace(event, host=self.side(event.socket in self.labels))
            case tr.Action(where=self.name):
                return replace(event, where=self.side(event.detail.partition(" SIG")[0] in self.threads))
        return event

    def packet(self, packet: tr.Packet, cable: int, numbers: int) -> tr.Packet:
        asks = (packet.source, packet.target) in self.flows
        ends = (self.asking, self.waiting) if asks else (self.waiting, self.asking)
        return replace(packet, cable=cable, number=numbers + packet.number, src=ends[0], dst=ends[1])
