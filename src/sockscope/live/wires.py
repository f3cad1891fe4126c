"""网线的线程：一个网络的所有网线共用一个。epoll 等包，一个堆按时刻排着还在路上的包。"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from sockscope.live.cable import Cable, End, Passage
from sockscope.live.decode import Decoder, is_background
from sockscope.live.offload import Burst
from sockscope.live.waits import REAL
from sockscope.trace import Packet

__all__ = ["Wires"]

Flying = tuple[int, int, Passage, Cable, int]
"""还在路上的一个包：何时该到（纳秒）、先后、旅程、网线、到哪一端。"""


def is_cut_short(flying: Flying) -> bool:
    """它是不是走到半路线就断了。"""
    due, _, passage, cable, _ = flying
    return passage.t <= cable.cut_at < due


def first_bytes(message: bytes | Burst) -> bytes:
    """一个包；一整串的，只要它的头。"""
    return bytes(message.raw[:message.head]) if isinstance(message, Burst) else message


class Wires:
    """一个网络的全部网线和它们的线程。"""

    def __init__(self, now: Callable[[], int], act: Callable[[str, str], None],
                 on_error: Callable[[], None]) -> None:
        self.now, self.act, self.on_error = now, act, on_error
        self.cables: list[Cable] = []
        self.passages: list[Passage] = []  # 一整串的只有第一段
        self.known: list[Passage] = []  # 已经分开、认出来的，一个包一个
        self.spread = self.count = 0  # passages 里已经分开到哪里；一共几个包
        self.decoder = Decoder()
        self.lock = threading.RLock()  # 回收没有人用的网络，会在任何一行发生
        self.in_flight: list[Flying] = []
        self.tie = itertools.count()
        self.injected: deque[tuple[bytes, Cable, int]] = deque()
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
            if end.fd >= 0:  # 交换机的插口没有描述符
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
            return [p.packet() for p in self.known]

    def named(self, start: int) -> list[Passage]:
        """第 ``start`` 个以后的全部包，都已经认出来。"""
        with self.lock:
            self._decode_all()
            return self.known[start:]

    def _decode_all(self) -> None:
        for lead in itertools.islice(self.passages, self.spread, None):
            for passage in lead.spread():
                passage.fields = passage.fields or self.decoder.decode(passage.raw, passage.cable)
                self.known.append(passage)
        self.spread = len(self.passages)

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
                while self.injected:
                    self.send(*self.injected.popleft())
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
            cable, side = found
            try:
                message = cable.ends[side].read()
            except OSError:
                return
            if not message or (isinstance(message, bytes) and is_background(message)):
                return
        self.send(message, cable, side)

    def send(self, message: bytes | Burst, cable: Cable, side: int) -> None:
        """一个包（或一整串）从网线的这一端上了线。"""
        with self.lock:
            passages = self._enter(message, cable, side)
        cable.ends[side].see(first_bytes(message), False)
        for passage in passages:
            passage.fate, delays = ("delivered", [cable.delay]) if self.frozen else cable._judge(passage, side)
            self._schedule(passage, delays, cable, side)

    def inject(self, raw: bytes, cable: Cable, side: int) -> None:
        """手造的一个 IP 包，从网线的这一端上线，像是插在那里的主机发的。由网线的线程来送，``settle()`` 等得到它。"""
        self.injected.append((raw, cable, side))
        self.wake()

    def _enter(self, message: bytes | Burst, cable: Cable, side: int) -> list[Passage]:
        """记下刚上线的包，返回要分别对待的那些：一整串一起走的，只有第一个。"""
        first = Passage(self.count + 1, cable.number, cable.ends[side].host, cable.ends[1 - side].host, b"", self.now())
        if isinstance(message, bytes):
            first.alone = message
        else:
            first.burst, first.whole = message, True
        found = [first] if not first.whole or not cable._tells_apart else first.spread()
        self._log(found)
        return found

    def _log(self, found: list[Passage]) -> None:
        """记下来；叫停以后不记。各走各的，就不再由第一段代表。"""
        if len(found) > 1:
            found[0].whole, found[0].rest = False, []
        if not self.frozen:
            self.passages += found
            self.count += sum(passage.count for passage in found)

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
            copy = replace(passage, number=self.count + 1, end=None, fate="duplicate")
            self._log([copy])
        return copy

    def _lose_what_was_cut(self) -> None:
        """剪断时还在路上的，当场就没了。"""
        with self.lock:
            for flying in filter(is_cut_short, self.in_flight):
                flying[2].lose()
        self.in_flight = [flying for flying in self.in_flight if not is_cut_short(flying)]
        heapq.heapify(self.in_flight)

    def _deliver_due(self) -> None:
        while self.in_flight and self.in_flight[0][0] <= self.now():
            flying = heapq.heappop(self.in_flight)
            _, _, passage, cable, side = flying
            if is_cut_short(flying):
                with self.lock:
                    passage.lose()
                continue
            end, now = cable.ends[side], self.now()
            if not self.frozen:
                with self.lock:  # 有人正把一整串分开
                    passage.arrive(now)
            with contextlib.suppress(OSError):  # 对端主机已经关闭：包落在地上，和真的断电一样
                end.write(passage)
            end.see(first_bytes(passage.burst or passage.alone), True)
