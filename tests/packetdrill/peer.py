"""对端：一只手。它造出段来送给内核，也读内核送来的段；自己没有内核，不会多嘴。

写法照 packetdrill 的脚本：``inject`` 是 ``<``，``expect`` 是 ``>``；标志 S、F、P、R、E、W（CWR）、U 和 ``.``（ACK）；
序号与确认号都是相对的，各从自己的 SYN 数起（SYN 是 0）。对端的初始序号选在绕回之前不远，长一点的脚本因此都要绕一回。

原来的脚本里 ``win 257`` 是线上的字段，没有乘过 wscale；这里也一样，``window`` 写的、比的都是线上的 16 位。
"""

from __future__ import annotations

import errno
import platform
import queue
import re
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from socket import IPPROTO_TCP, SO_RCVTIMEO, SO_SNDTIMEO, SOL_SOCKET
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP

from sockscope.live import Network
from sockscope.live.cable import End, Passage
from sockscope.live.socket import TracedSocket

PORT, EPHEMERAL = 8080, 40000
WRAP = 1 << 32
ISN = WRAP - 700
PATIENCE = 30.0  # 等一个该来的段，秒；只为不永远等下去
LETTERS = {"A": ".", "C": "W"}  # scapy 的字母 → packetdrill 的
SYN_OPTIONS = (("MSS", 1000), ("SAckOK", b""), ("WScale", 7))
FAST_OPEN = 34  # 选项的编号（RFC 7413 §4.1.1）


@dataclass
class Heard:
    """内核送来的一个段，序号已经换成相对的。"""

    flags: str
    seq: int
    ack: int
    length: int
    window: int
    ecn: int
    urgent: int
    options: dict[str, Any] = field(default_factory=dict)
    sack: list[tuple[int, int]] = field(default_factory=list)

    @property
    def cookie(self) -> bytes | None:
        """Fast Open 选项里的 cookie；空的是在讨要，没有这个选项则为 None。"""
        found = self.options.get("TFO")
        return struct.pack("!II", *found) if isinstance(found, tuple) else found


class Tap(End):
    """网线插在手上的那一端：到了的都放进 ``inbox``。"""

    def __init__(self, inbox: queue.SimpleQueue[Passage]) -> None:
        super().__init__("peer", -1, lambda _raw, _arriving: None)
        self.inbox = inbox

    def write(self, passage: Passage) -> None:
        self.inbox.put(passage)


class Peer:
    """对着主机 ``kernel`` 的那只手。``port`` 是自己的端口，``remote`` 是内核那一头的，听到 SYN 时知道。

    ``ticking``：内核的定时器照走，重传是要看的；否则机器忙时迟到的握手重传不算数。
    """

    def __init__(self, net: Network, ticking: bool = False) -> None:
        assert net.wires is not None
        self.net, self.kernel, self.wires, self.ticking = net, net["kernel"], net.wires, ticking
        self.address = net["peer"].address
        self.port, self.remote, self.isn, self.theirs = EPHEMERAL, PORT, ISN, 0
        self.clock = 0
        self.listener: TracedSocket | None = None
        self.inbox: queue.SimpleQueue[Passage] = queue.SimpleQueue()
        self.told: list[tuple[Passage, Heard]] = []
        self.wires.attach(net.cable, 1, Tap(self.inbox))

    # ------------------------------------------------------------ 送与等

    def inject(self, flags: str, seq: int = 0, *, ack: int | None = None, data: int | bytes = 0, window: int = 257,
               options: Iterable[tuple[Any, Any]] = (), urgent: int = 0, ecn: int = 0) -> None:
        """``< 标志 序号:(长度) ack``。返回时内核已经处理完它，该醒的线程也醒过了。"""
        letters = {two: one for one, two in LETTERS.items()}
        segment = TCP(sport=self.port, dport=self.remote, seq=(self.isn + seq) % WRAP,
                      ack=0 if ack is None else (self.theirs + ack) % WRAP, window=window, urgptr=urgent,
                      flags="".join(letters.get(letter, letter) for letter in flags.strip("-")), options=list(options))
        payload = data if isinstance(data, bytes) else bytes(data)
        packet = IP(src=self.address, dst=self.kernel.address, tos=ecn) / segment / payload
        self.wires.inject(bytes(packet), self.net.cable, 1)
        assert self.net.settle()

    def expect(self, flags: str, seq: int = 0, *, ack: int | None = None, length: int = 0,
               besides: tuple[str, int] | None = None, **more: Any) -> Heard:
        """``> 标志 序号:(长度) ack``：下一个段就是它。``more`` 是还要比的：window、sack、ecn、urgent、options（给出的几项）。

        ``besides``：定时器也许又说了一遍的段（标志、序号），先来的是它就不算。
        """
        heard = self.heard(f"{flags} {seq}")
        while besides and (set(heard.flags), heard.seq) == (set(besides[0]), besides[1]):
            heard = self.heard(f"{flags} {seq}")
        wanted = {"flags": set(flags), "seq": seq, "length": length} | ({} if ack is None else {"ack": ack}) | more
        found = {name: getattr(heard, name) for name in wanted} | {"flags": set(heard.flags)}
        if "options" in wanted:
            found["options"] = {name: heard.options.get(name) for name in wanted["options"]}
        assert found == wanted, f"该是 {wanted}，来的是 {heard}"
        return heard

    def expect_data(self, first: int, last: int, *, ack: int, mss: int = 1000) -> None:
        """``> 第一个:最后一个``：脚本里的网口会切段（TSO），一行写一大块；这里的不会，所以是几个首尾相接的段。"""
        while first < last:
            heard = self.heard(f". {first}")
            wanted, found = (first, min(mss, last - first), ack), (heard.seq, heard.length, heard.ack)
            assert found == wanted, f"序号、长度、确认号该是 {wanted}，来的是 {heard}"
            assert heard.flags in (".", "P."), heard
            first += heard.length

    def states(self) -> list[str]:
        """内核这一头的连接先后报告过的状态。"""
        return self.net.trace.states_of("kernel")

    def remembered(self) -> bool:
        """内核的表里还有这条连接吗（sock_diag）。"""
        diag = self.kernel.watch.diag
        return diag is not None and diag.look_up((self.kernel.address, self.remote), (self.address, self.port)) is not None

    def quiet(self) -> None:
        """内核没有更多要说的（定时器到点以前）。"""
        assert self.net.settle()
        while not self.inbox.empty():
            heard = self._take()
            assert heard is None, f"不该再有段了，却来了 {heard}"

    def heard(self, wanted: str = "一个段") -> Heard:
        """内核送来的下一个段，是什么都行。"""
        try:
            while (heard := self._take()) is None:
                pass
        except queue.Empty:
            pytest.fail(f"该来 {wanted}，却什么也没有来。")
        return heard

    def _take(self) -> Heard | None:
        """下一个段；是握手迟到的重传则为 None：端口、序号、标志都和听过的一个相同。"""
        passage = self.inbox.get(timeout=PATIENCE)
        late = any(passage.raw[20:34] == other.raw[20:34] for other, _ in self.told)
        heard = self._read(passage)
        self.told.append((passage, heard))
        return None if late and "S" in heard.flags and not self.ticking else heard

    def _read(self, passage: Passage) -> Heard:
        packet = IP(passage.raw)
        tcp = packet[TCP]
        flags = "".join(LETTERS.get(letter, letter) for letter in str(tcp.flags))
        if "S" in flags:
            self.theirs, self.remote, self.port = tcp.seq, tcp.sport, tcp.dport
        options = {str(name): value for name, value in tcp.options if name not in ("NOP", "EOL")}
        edges = [(edge - self.isn) % WRAP for edge in options.get("SAck", ())]
        return Heard(flags, (tcp.seq - self.theirs) % WRAP, (tcp.ack - self.isn) % WRAP if "." in flags else 0,
                     packet.len - packet.ihl * 4 - tcp.dataofs * 4, tcp.window, packet.tos & 3,
                     tcp.urgptr if "U" in flags else 0, options, list(zip(edges[::2], edges[1::2], strict=True)))

    # ------------------------------------------------------------ 脚本开头常有的几行

    def listen(self, backlog: int = 1) -> TracedSocket:
        """内核那一头听着的套接字。它和它接来的，会等的调用都有个尽头：内核答得不一样，测试失败，而不是挂着。"""
        self.listener = self.kernel.socket()
        for option in (SO_RCVTIMEO, SO_SNDTIMEO):
            self.listener.setsockopt(SOL_SOCKET, option, struct.pack("ll", round(PATIENCE), 0))
        self.listener.bind((self.kernel.address, PORT))
        self.listener.listen(backlog)
        return self.listener

    def handshake(self, *, window: int = 257, options: Iterable[tuple[Any, Any]] = SYN_OPTIONS, syn_window: int = 32792,
                  stamp: int | None = None) -> None:
        """对端来连：SYN、SYN-ACK、ACK；``stamp`` 是最后那个 ACK 的时间戳。"""
        self.inject("S", window=syn_window, options=options)
        self.clock = self.expect("S.", ack=1).options.get("Timestamp", (0, 0))[0]
        self.inject(".", 1, ack=1, window=window, options=() if stamp is None else self.stamped(stamp))

    def stamped(self, stamp: int) -> list[tuple[str, tuple[int, int]]]:
        """时间戳选项：自己的钟，回应内核在 SYN-ACK 里说的。"""
        return [("Timestamp", (stamp, self.clock))]

    def accepted(self, **handshake: Any) -> TracedSocket:
        """听、握手、accept：内核是被连的那一头。"""
        listener = self.listener or self.listen()
        self.handshake(**handshake)
        return listener.accept()[0]

    def connecting(self, flags: str = "S", mss: int = 1460, **options: int) -> TracedSocket:
        """内核去连对端，不等：SYN 已经听到。``options`` 是先给套接字设好的 TCP 选项，如 ``TCP_NODELAY=1``。"""
        sock = self.kernel.socket()
        for name, value in options.items():
            sock.setsockopt(IPPROTO_TCP, getattr(socket, name), value)
        sock.setblocking(False)
        fails("EINPROGRESS", sock.connect, (self.address, PORT))
        self.expect(flags, options={"MSS": mss})
        return sock

    def connected(self, *, window: int = 32768, options: Iterable[tuple[Any, Any]] = SYN_OPTIONS,
                  **before: Any) -> TracedSocket:
        """内核去连对端，连上了；套接字是非阻塞的。"""
        sock = self.connecting(**before)
        self.inject("S.", ack=1, window=window, options=options)
        self.expect(".", 1, ack=1)
        return sock

    def sack(self, *blocks: tuple[int, int]) -> list[tuple[str, tuple[int, ...]]]:
        """SACK 选项：内核那个方向上的这几块。"""
        return [("SAck", tuple((self.theirs + edge) % WRAP for block in blocks for edge in block))]

    def fresh(self) -> None:
        """换一个端口，重新数起。"""
        self.port += 1
        self.theirs = 0


def fails(name: str, call: Callable[..., object], *args: Any) -> None:
    """这次调用失败，errno 是 ``name``。"""
    with pytest.raises(OSError) as caught:
        call(*args)
    assert errno.errorcode[caught.value.errno or 0] == name


def is_older_than(release: tuple[int, int]) -> bool:
    """这个内核的版本在它以前。"""
    major, minor = re.findall(r"\d+", platform.release())[:2]
    return (int(major), int(minor)) < release


def needs(release: tuple[int, int], what: str) -> None:
    """这个内核还不会，就跳过。"""
    if is_older_than(release):
        pytest.skip(f"这个内核（{platform.release()}）还不会{what}。补救：换 Linux {release[0]}.{release[1]} 以后的内核。")


def letters(flags: Iterable[str]) -> set[str]:
    """轨迹里的标志换成 packetdrill 的字母。"""
    return {{"ACK": ".", "CWR": "W"}.get(flag, flag[0]) for flag in flags}
