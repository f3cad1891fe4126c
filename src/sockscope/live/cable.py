"""网线：两个 TUN 描述符之间的一双手。

工作原理
--------
内核把要发出去的 IP 包从 TUN 的描述符里交出来，我们读到它，就等于它上了线；把它写进对面的 TUN，
就等于它到了。写是同步的：``write`` 返回时，对面的内核已经处理完这个包，状态已经改变，应答已经排在
对面的 TUN 里。所以“取走之后、送达之后各看一眼状态”不会漏掉任何一步。

网线的脾气（时延、抖动、带宽、队列、丢失、重复、乱序、剪断、丢第几个包）可以在运行中改。随机由种子和包的签名决定，
与调度的运气无关：同一个种子，同一个包，同样的命运。干活的线程在 ``wires.py``。
"""

from __future__ import annotations

import difflib
import itertools
import random
import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from os import read, write  # 网络开着时 os.read 会换成记录在案的，包走的不是那一个
from typing import TYPE_CHECKING, Any

from sockscope.live.offload import BLANK, Burst, completed
from sockscope.trace import Packet
from sockscope.trace.event import Fate

if TYPE_CHECKING:
    from sockscope.live.wires import Wires

__all__ = ["Cable", "End", "Passage"]

MESSAGE = 65536 + len(BLANK)  # TUN 一次交出的最多这么长
FOREVER = 1e6  # 秒；再久就不是时延了
SHOWN = ("bandwidth", "cut", "delay", "detain", "drop", "duplicate", "is_cut", "jitter", "join", "loss", "queue", "reorder",
         "reorder_delay")


@dataclass
class End:
    """网线的一端：主机名和 TUN 描述符。``see`` 在包离开或到达这一端时被叫到；``offload``：网口替内核做的事（``offload.py``）。"""

    host: str
    fd: int
    see: Callable[[bytes, bool], None]
    offload: int = 0

    def read(self) -> bytes | Burst:
        """内核要发出去的一个包，或一整串。"""
        message = read(self.fd, MESSAGE)
        return (Burst.of(message) or completed(message)) if self.offload and message else message

    def write(self, passage: Passage) -> None:
        """一个包到了，或一整串。"""
        if passage.whole and passage.burst:
            write(self.fd, passage.burst.message)
        else:
            write(self.fd, BLANK + passage.raw if self.offload else passage.raw)


@dataclass(eq=False)
class Passage:
    """一个包在一根网线上的旅程。``end`` 在送达时填上。

    ``burst`` 是它所在的那一串，它是其中第 ``place`` 段。``whole``：整串一起走，由第一段代表，有人看的时候才分开（``spread``）。
    """

    number: int
    cable: int
    src: str
    dst: str
    alone: bytes
    t: int
    end: int | None = None
    fate: Fate = "delivered"
    detained: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    burst: Burst | None = None
    place: int = 0
    whole: bool = False
    rest: list[Passage] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        """整个 IP 包。"""
        return self.burst.segment(self.place) if self.burst else self.alone

    @property
    def size(self) -> int:
        """这一个包在网线上占多少字节。"""
        return len(self.alone) if self.burst is None else self.burst.head + self.burst.size

    @property
    def count(self) -> int:
        """它代表几个包。"""
        return self.burst.count if self.burst and self.whole else 1

    def spread(self) -> list[Passage]:
        """它代表的全部包，一段一个；此后的下落各记各的。"""
        if self.whole and not self.rest:
            self.rest = [Passage(self.number + k, self.cable, self.src, self.dst, b"", self.t, self.end, self.fate,
                                 burst=self.burst, place=k) for k in range(1, self.count)]
        return [self, *self.rest]

    def arrive(self, now: int) -> None:
        """到了，连同已经分开的。"""
        for one in (self, *self.rest):
            one.end = now

    def lose(self) -> None:
        """断线时丢了，连同已经分开的。"""
        for one in (self, *self.rest):
            one.fate = "cut"

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
    ``bandwidth`` 是每个方向的带宽，比特每秒，0 是没有限制；``queue`` 是排队等着上线的包至多几个，再来的就丢（overflow）。
    抖动不改变次序；被选中乱序的包多走 ``reorder_delay`` 秒，让后来的包先到。``is_cut``：此刻断着。
    """

    delay = jitter = 0.0
    loss = duplicate = reorder = 0.0
    reorder_delay = 0.02
    bandwidth = 0.0
    queue = 1000
    is_cut = False

    def __init__(self, number: int, wires: Wires, ends: tuple[End, End], *, delay: float = 0.0, seed: int = 0) -> None:
        self.number, self.wires, self.ends, self.seed = number, wires, ends, seed
        self.delay, self.cut_at = delay, -1
        self.rules: list[Rule] = []
        self.snipped: list[Passage] = []
        self.sightings: Counter[str] = Counter()
        self.counted = 0
        self.latest = [0, 0]
        self.waiting: tuple[deque[int], deque[int]] = deque(), deque()  # 排队的包各在何时上完线

    def __setattr__(self, name: str, value: Any) -> None:
        """脾气的名字与取值当场检查，不等包来了才出错。"""
        if name not in KNOWN:
            raise AttributeError(_misspelt(name))
        if name in ("loss", "duplicate", "reorder") and not 0 <= value <= 1:
            raise ValueError(f"{name} 是概率，要在 0 到 1 之间，不能是 {value!r}。")
        if name in ("delay", "jitter", "reorder_delay") and not 0 <= value < FOREVER:
            raise ValueError(f"{name} 的单位是秒，不能是 {value!r}。")
        if name == "bandwidth" and not value >= 0:
            raise ValueError(f"bandwidth 的单位是比特每秒，0 是没有限制，不能是 {value!r}。")
        if name == "queue" and (type(value) is not int or value < 1):
            raise ValueError(f"queue 是排队的包至多几个，要是 1 以上的整数，不能是 {value!r}。")
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        """补全时只给读者用得着的。"""
        return list(SHOWN)

    def __repr__(self) -> str:
        odds = [f"{title} {value:.0%}" for title, value in (
            ("丢", self.loss), ("多送", self.duplicate), ("乱序", self.reorder)) if value]
        jitter = [f"抖动 {self.jitter * 1000:g} ms"] if self.jitter else []
        rate = [f"带宽 {self.bandwidth / 1e6:g} Mbit/s，队列 {self.queue} 个包"] if self.bandwidth else []
        told = [f"时延 {self.delay * 1000:g} ms", *rate, *jitter, *odds, *["已剪断"] * self.is_cut]
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
        if signature is not None and not self._signs(signature):
            example = f"{self.ends[0].host}>{self.ends[1].host} SYN 0+0 #1"
            raise ValueError(f"这根网线上不会有签名为 {signature!r} 的包；签名的样子：{example!r}。")
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

    def _signs(self, signature: str) -> bool:
        """像不像这根网线上一个包的签名。"""
        one, two = (re.escape(end.host) for end in self.ends)
        return re.fullmatch(rf"({one}>{two}|{two}>{one}) \S.* (\d+\+)?\d+( #[1-9]\d*)?", signature) is not None

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

    @property
    def _tells_apart(self) -> bool:
        """一整串里的每一段要不要各走各的。"""
        return self._needs_names or self.bandwidth > 0

    def _judge(self, passage: Passage, side: int) -> tuple[Fate, list[float]]:
        """这个包的命运，和它（以及多出的副本）还要走多少秒。"""
        if self.is_cut:
            return "cut", []
        queued = self._queue(passage, self.waiting[side]) if self.bandwidth else 0.0
        if queued is None:
            return "overflow", []
        fate, delays = self._treat(passage) if self._needs_names else ("delivered", [self.delay])
        return fate, [delay + queued for delay in delays]

    def _queue(self, passage: Passage, waiting: deque[int]) -> float | None:
        """排在前面的都上完线，它自己也上完，要多少秒；队列满了则为 None。"""
        while waiting and waiting[0] <= passage.t:
            waiting.popleft()
        if len(waiting) > self.queue:  # 第一个正在上线，不在队列里
            return None
        done = (waiting[-1] if waiting else passage.t) + round(passage.size * 8e9 / self.bandwidth)
        waiting.append(done)
        return (done - passage.t) / 1e9

    def _treat(self, passage: Passage) -> tuple[Fate, list[float]]:
        """按规则和骰子。"""
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


KNOWN = {name for name in vars(Cable) if not name.startswith("_")} | {
    "number", "wires", "ends", "seed", "cut_at", "rules", "snipped", "sightings", "counted", "latest", "waiting"}


def _misspelt(name: str) -> str:
    """没有这个属性；像哪一个。"""
    near = difflib.get_close_matches(name, SHOWN, n=1, cutoff=0.6)
    return f"网线没有 {name!r} 这个属性" + (f"；是不是 {near[0]}？" if near else f"；有：{'、'.join(SHOWN)}。")
