"""网线：两个 TUN 描述符之间的一双手。

工作原理
--------
内核把要发出去的 IP 包从 TUN 的描述符里交出来，我们读到它，就等于它上了线；把它写进对面的 TUN，
就等于它到了。写是同步的：``write`` 返回时，对面的内核已经处理完这个包，状态已经改变，应答已经排在
对面的 TUN 里。所以“取走之后、送达之后各看一眼状态”不会漏掉任何一步。

一个网络的所有网线共用一个线程（``Wires``）：epoll 等包，一个堆按时刻排着还在路上的包。网线的脾气
（时延、抖动、丢失、重复、乱序、剪断、丢第几个包）可以在运行中改。随机由种子和包的签名决定，
与调度的运气无关：同一个种子，同一个包，同样的命运。
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import random
import select
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from os import read, write  # 网络开着时 os.read 会换成记录在案的，包走的不是那一个
from typing import Any

from sockscope.live.checksum import BLANK, completed
from sockscope.live.decode import Decoder, is_background
from sockscope.live.waits import REAL
from sockscope.trace import Packet
from sockscope.trace.event import Fate

__all__ = ["Cable", "End", "Passage", "Wires"]

MTU = 65536
SHOWN = ("cut", "delay", "detain", "drop", "duplicate", "is_cut", "jitter", "join", "loss", "reorder", "reorder_delay")


@dataclass
class End:
    """网线的一端：主机名和 TUN 描述符。``see`` 在包离开或到达这一端时被叫到；``checksums``：校验和要我们来算。"""

    host: str
    fd: int
    see: Callable[[bytes, bool], None]
    checksums: bool = False

    def read(self) -> bytes:
        """内核要发出去的一个包。"""
        return completed(read(self.fd, MTU)) if self.checksums else read(self.fd, MTU)

    def write(self, raw: bytes) -> None:
        """一个包到了。"""
        write(self.fd, BLANK + raw if self.checksums else raw)


@dataclass(eq=False)
class Passage:
    """一个包在一根网线上的旅程。``end`` 在送达时填上。"""

    number: int
    cable: int
    src: str
    dst: str
    raw: bytes
    t: int
    end: int | None = None
    fate: Fate = "delivered"
    detained: bool = False
    fields: dict[str, Any] = field(default_factory=dict)

    def packet(self) -> Packet:
        """整理成轨迹里的 ``Packet``。"""
        return Packet(t=self.t, end=self.end, cable=self.cable, number=self.number, src=self.src, dst=self.dst,
                      fate=self.fate, **self.fields)


@dataclass
class Rule:
    """丢包的规则：``match`` 认包，``times`` 是还要丢几个。``late`` 不为 0 则不丢，只多走这么多秒。``snips``：这是剪刀。"""

    match: Callable[[Packet], bool]
    times: int
    late: float = 0.0
    snips: bool = False


class Cable:
    """一根网线。除 ``seed`` 外的属性随时可改，对之后上线的包生效。

    ``delay``、``jitter`` 单位秒；``loss``、``duplicate``、``reorder`` 是 0 到 1 的概率。
    抖动不改变次序；被选中乱序的包多走 ``reorder_delay`` 秒，让后来的包先到。``is_cut``：此刻断着。
    """

    delay = jitter = 0.0
    loss = duplicate = reorder = 0.0
    reorder_delay = 0.02
    is_cut = False

    def __init__(self, number: int, wires: Wires, ends: tuple[End, End], *, delay: float = 0.0, seed: int = 0) -> None:
        self.number, self.wires, self.ends, self.seed = number, wires, ends, seed
        self.delay, self.cut_at = delay, -1
        self.rules: list[Rule] = []
        self.snipped: list[Passage] = []
        self.sightings: Counter[str] = Counter()
        self.counted = 0
        self.latest = [0, 0]

    def __setattr__(self, name: str, value: Any) -> None:
        """脾气的取值当场检查，不等包来了才出错。"""
        if name in ("loss", "duplicate", "reorder") and not 0 <= value <= 1:
            raise ValueError(f"{name} 是概率，要在 0 到 1 之间，不能是 {value!r}。")
        if name in ("delay", "jitter", "reorder_delay") and not value >= 0:
            raise ValueError(f"{name} 的单位是秒，不能是 {value!r}。")
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        """补全时只给读者用得着的。"""
        return list(SHOWN)

    def __repr__(self) -> str:
        odds = [f"{title} {value:.0%}" for title, value in (
            ("丢", self.loss), ("多送", self.duplicate), ("乱序", self.reorder)) if value]
        jitter = [f"抖动 {self.jitter * 1000:g} ms"] if self.jitter else []
        told = [f"时延 {self.delay * 1000:g} ms", *jitter, *odds, *["已剪断"] * self.is_cut]
        return f"<Cable {' ── '.join(end.host for end in self.ends)}：{'，'.join(told)}>"

    def cut(self) -> None:
        """剪断：之后的包和还在路上的包都到不了，接上以后也到不了。两端的内核什么也不会知道。"""
        self.is_cut = True
        self.cut_at = self.wires.now()
        self.wires.act(f"cable{self.number}", "cut")
        self.wires.wake()

    def join(self) -> None:
        """接上。"""
        self.is_cut = False
        self.wires.act(f"cable{self.number}", "join")

    def drop(self, *, n: int | None = None, match: Callable[[Packet], bool] | None = None,
             signature: str | None = None, times: int = 1) -> None:
        """丢掉这根网线上的第 ``n`` 个包（从 1 数）、签名为 ``signature`` 的包，或前 ``times`` 个满足 ``match`` 的包。

        签名可带 `` #k`` 后缀，指同一签名第 k 次出现。三者必须恰给一个，否则 ``ValueError``。
        """
        given = [] if match is None else [match]
        if n is not None:
            seen = itertools.count(1)
            given.append(lambda _packet: next(seen) == n)
        if signature is not None:
            given.append(self._nth(signature))
        if len(given) != 1:
            raise ValueError("drop() 要 n、match、signature 三者之一，恰好一个。")
        self.rules.append(Rule(given[0], times))

    def detain(self, seconds: float, *, match: Callable[[Packet], bool], times: int = 1) -> None:
        """让前 ``times`` 个满足 ``match`` 的包多走 ``seconds`` 秒；后来的包不等它，于是先到。"""
        self.rules.append(Rule(match, times, late=seconds))

    def snip(self, signature: str) -> None:
        """剪刀：丢掉签名为 ``signature`` 的包；``Network.settle()`` 会等内核把它补上。"""
        self.rules.append(Rule(self._nth(signature), 1, snips=True))

    @property
    def _hopeful(self) -> bool:
        """剪掉的包还会不会补上：线没有断，它自己（剪的是纯 ACK，就是对端的段）也还没有重传过。"""
        if not self.snipped or self.is_cut:
            return False
        lost = self.snipped[-1].packet()
        later = (p.packet() for p in self.wires.named(lost.number) if p.cable == self.number)
        return not any(p.note == "retransmission" and makes_up(p, lost) for p in later)

    def _nth(self, signature: str) -> Callable[[Packet], bool]:
        wanted, _, nth = signature.partition(" #")
        return lambda packet: packet.signature == wanted and self.sightings[wanted] == int(nth or 1)

    # ------------------------------------------------------------ 以下在网线的线程里运行

    def _recognise(self, passage: Passage) -> Packet:
        """认出这个包，连同此前还没有认的，好知道它是同一签名的第几个。"""
        for other in self.wires.named(self.counted):
            if other.cable == self.number and other.fate != "duplicate":
                self.sightings[other.packet().signature] += 1
            self.counted = other.number
        return passage.packet()

    @property
    def _needs_names(self) -> bool:
        """要不要当场认包：没有规则也没有随机时不认，往返因此快几倍。"""
        return bool(self.rules or self.loss or self.duplicate or self.reorder or self.jitter)

    def _judge(self, passage: Passage) -> tuple[Fate, list[float]]:
        """这个包的命运，和它（以及多出的副本）还要走多少秒。"""
        if self.is_cut:
            return "cut", []
        if not self._needs_names:
            return "delivered", [self.delay]
        packet = self._recognise(passage)
        for rule in self.rules:
            if rule.times and rule.match(packet):
                rule.times -= 1
                self.snipped += [passage] if rule.snips else []
                passage.detained = rule.late > 0
                return ("delivered", [self.delay + rule.late]) if rule.late else ("dropped", [])
        dice = random.Random(f"{self.seed} {packet.signature} {self.sightings[packet.signature]}")
        lost, twice, late = dice.random() < self.loss, dice.random() < self.duplicate, dice.random() < self.reorder
        if lost:
            return "lost", []
        delay = self.delay + dice.random() * self.jitter + (self.reorder_delay if late else 0)
        return "delivered", [delay] * (2 if twice else 1)


def makes_up(again: Packet, lost: Packet) -> bool:
    """这次重传补上了丢掉的那一个没有。"""
    if lost.pure_ack:
        return (again.source, again.target) == (lost.target, lost.source)
    if (again.source, again.target) != (lost.source, lost.target):
        return False
    return lost.protocol != "tcp" or lost.extent.start in again.extent


Flying = tuple[int, int, Passage, Cable, int]
"""还在路上的一个包：何时该到（纳秒）、先后、旅程、网线、到哪一端。"""


def is_cut_short(flying: Flying) -> bool:
    """它是不是走到半路线就断了。"""
    due, _, passage, cable, _ = flying
    return passage.t <= cable.cut_at < due


class Wires:
    """一个网络的全部网线和它们的线程。"""

    def __init__(self, now: Callable[[], int], act: Callable[[str, str], None],
                 on_error: Callable[[], None]) -> None:
        self.now, self.act, self.on_error = now, act, on_error
        self.cables: list[Cable] = []
        self.passages: list[Passage] = []
        self.decoder = Decoder()
        self.decoded = 0
        self.lock = threading.RLock()  # 回收没有人用的网络，会在任何一行发生
        self.in_flight: list[Flying] = []
        self.tie = itertools.count()
        self.sources: dict[int, tuple[Cable, int]] = {}
        self.poll = REAL["epoll"]()  # 不是换上的那个：网线自己的等待不进轨迹
        self.wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.poll.register(self.wake_fd, select.EPOLLIN)
        self.idle = threading.Event()
        self.asked_idle = self.stopping = self.stopped_here = self.frozen = False
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, name="cable", daemon=True)

    def add(self, cable: Cable) -> None:
        """接上一根网线。"""
        self.cables.append(cable)
        for side, end in enumerate(cable.ends):
            self.attach(cable, side, end)

    def attach(self, cable: Cable, side: int, end: End) -> None:
        """把一端（重新）插进一台主机；原来插着的 TUN 不再看。"""
        with self.lock:
            old = cable.ends[side]
            if self.sources.pop(old.fd, None):
                self.poll.unregister(old.fd)
            cable.ends = (end, cable.ends[1]) if side == 0 else (cable.ends[0], end)
            self.sources[end.fd] = (cable, side)
            self.poll.register(end.fd, select.EPOLLIN)

    def start(self) -> None:
        self.thread.start()

    def wake(self) -> None:
        """叫线程醒来看一眼：有什么变了。"""
        if not self.stopping:
            os.eventfd_write(self.wake_fd, 1)

    def settle(self, timeout: float) -> bool:
        """等到线上没有包、TUN 里也没有包：此时除了定时器，没有什么还会发生。"""
        if self.error is not None:
            return True
        self.idle.clear()
        self.asked_idle = True
        self.wake()
        return self.idle.wait(timeout)

    def freeze(self) -> None:
        """停笔：包照样走，只是不再记录。记下的等有人看的时候再认。"""
        with self.lock:
            self.frozen = True

    def stop(self) -> None:
        """停下线程，放下描述符（TUN 由命名空间自己关）。"""
        self.stopping = True
        os.eventfd_write(self.wake_fd, 1)
        if threading.current_thread() is self.thread:  # 没有人再用的网络，回收它的正是它的网线
            self.stopped_here = True
            return
        if self.thread.ident is not None:
            self.thread.join()
        self.forget()

    def forget(self) -> None:
        """只放下描述符。"""
        self.poll.close()
        os.close(self.wake_fd)

    def packets(self) -> list[Packet]:
        """到此刻为止的全部包，按上线的次序。"""
        with self.lock:
            self._decode_all()
            return [p.packet() for p in self.passages]

    def named(self, start: int) -> list[Passage]:
        """第 ``start`` 个以后的全部包，都已经认出来。"""
        with self.lock:
            self._decode_all()
            return self.passages[start:]

    def _decode_all(self) -> None:
        for passage in itertools.islice(self.passages, self.decoded, None):
            if not passage.fields:
                passage.fields = self.decoder.decode(passage.raw, passage.cable)
        self.decoded = len(self.passages)

    # ------------------------------------------------------------ 线程

    def _run(self) -> None:
        try:
            while not self.stopping:
                self._turn()
            if self.stopped_here:
                self.forget()
        except Exception as error:  # 多半是使用者给的 match 出了错：网线停下，错误在网络关闭时抛出
            self.error = error
            self.idle.set()
            self.on_error()

    def _turn(self) -> None:
        for fd, _ in self.poll.poll(self._patience()):
            if fd == self.wake_fd:
                os.eventfd_read(fd)
                self._lose_what_was_cut()
            else:
                self._take(fd)
        self._deliver_due()
        if self.asked_idle and not self.in_flight and not self.poll.poll(0):
            self.asked_idle = False
            self.idle.set()

    def _patience(self) -> float:
        if not self.in_flight:
            return -1
        return max(0, self.in_flight[0][0] - self.now()) / 1e9

    def _take(self, fd: int) -> None:
        """从 TUN 取一个包：它上线了。"""
        with self.lock:
            if (found := self.sources.get(fd)) is None:
                return
            try:
                raw = found[0].ends[found[1]].read()
            except OSError:
                return
            if not raw or is_background(raw):
                return
            cable, side = found
            source, target = cable.ends[side], cable.ends[1 - side]
            passage = Passage(len(self.passages) + 1, cable.number, source.host, target.host, raw, self.now())
            if not self.frozen:
                self.passages.append(passage)
        source.see(raw, False)
        passage.fate, delays = ("delivered", [cable.delay]) if self.frozen else cable._judge(passage)
        self._schedule(passage, delays, cable, side)

    def _schedule(self, passage: Passage, delays: Iterable[float], cable: Cable, side: int) -> None:
        for copy, delay in enumerate(delays):
            if copy:
                passage = self._duplicate(passage)
            due = passage.t + round(delay * 1e9)
            if not (cable.reorder or passage.detained):
                due = cable.latest[side] = max(due, cable.latest[side])
            heapq.heappush(self.in_flight, (due, next(self.tie), passage, cable, 1 - side))

    def _duplicate(self, passage: Passage) -> Passage:
        with self.lock:
            copy = Passage(len(self.passages) + 1, passage.cable, passage.src, passage.dst, passage.raw, passage.t,
                           fate="duplicate", fields=passage.fields)
            if not self.frozen:
                self.passages.append(copy)
        return copy

    def _lose_what_was_cut(self) -> None:
        """剪断时还在路上的，当场就没了。"""
        for flying in self.in_flight:
            if is_cut_short(flying):
                flying[2].fate = "cut"
        self.in_flight = [flying for flying in self.in_flight if not is_cut_short(flying)]
        heapq.heapify(self.in_flight)

    def _deliver_due(self) -> None:
        while self.in_flight and self.in_flight[0][0] <= self.now():
            flying = heapq.heappop(self.in_flight)
            _, _, passage, cable, side = flying
            if is_cut_short(flying):
                passage.fate = "cut"
                continue
            end = cable.ends[side]
            passage.end = passage.end if self.frozen else self.now()
            with contextlib.suppress(OSError):  # 对端主机已经关闭：包落在地上，和真的断电一样
                end.write(passage.raw)
            end.see(passage.raw, True)
