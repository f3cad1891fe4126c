"""代理夹在中间：考官一头当客户端，一头当后端，两头的字节对得上才算数。"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from sockscope.grading.exam.arguments import PORT
from sockscope.grading.exam.ends import Ends
from sockscope.grading.exam.resident import CLOCK, Resident
from sockscope.grading.exam.waiting import poll, refusal, show
from sockscope.live import Host

__all__ = ["Chorus", "Pair", "Stream", "fill", "flow", "hear_reset", "knock", "narrow", "pour"]

CHUNK = 16_384  # 一次至多发这么多，字节：几股轮流
FLOOD = 1 << 20  # 朝不读的一头一共至多放这么多，字节


class Pair:
    """一对连接：``near`` 是考官的客户端，``far`` 是你的代理替它连到考官的后端的那一条。"""

    def __init__(self, stage: Ends, name: str, near: Any, far: Any) -> None:
        self.stage, self.name, self.near, self.far = stage, name, near, far
        self.legs = [(sock.getpeername()[:2], sock.getsockname()[:2]) for sock in (near, far)]

    @classmethod
    def meet(cls, stage: Ends, name: str, backend: Any) -> Pair:
        """客户端连上代理，代理连上 ``backend``。"""
        near = knock(stage, name)
        return cls(stage, name, near, stage.accept(backend, f"{name} 连上了代理，等代理连到后端", "一个连接"))

    def talk(self, when: str = "") -> None:
        """一句过去，一句回来。"""
        there, back = (self.stage.rng.randbytes(self.stage.rng.randint(1, 40)) for _ in range(2))
        flow(self.stage, f"{when}{self.name} 说一句", Stream(self.near, self.far, there))
        flow(self.stage, f"{when}{self.name} 的后端答一句", Stream(self.far, self.near, back))

    def require_gone(self, when: str) -> None:
        """等代理把两条连接的描述符都还了。"""
        self.stage.until(lambda: not any(self.stage.held(*leg) for leg in self.legs), f"{when}，{self.name} 的两条连接",
                         "代理都关了", lambda: "还有一条拿着")
        self.stage.require(True, f"{when}，{self.name} 的两条连接", "代理都关了", "都关了")


def knock(stage: Ends, name: str) -> Any:
    """考官的客户端连到代理；此时代理也许还没有 ``accept()``。"""
    near = stage.net.client.socket()
    near.settimeout(stage.check.patience)
    try:
        near.connect((stage.student.address, PORT))
    except OSError as error:
        stage.fail(f"{name} 连到代理", "连上", refusal(error))
    near.settimeout(None)
    return near


class Stream:
    """一股：从 ``source`` 发出 ``data``，在 ``target`` 收齐。"""

    def __init__(self, source: Any, target: Any, data: bytes) -> None:
        self.source, self.target, self.data = source, target, data
        self.sent, self.seen = 0, b""

    @property
    def over(self) -> bool:
        return self.sent == len(self.data) and len(self.seen) >= len(self.data)

    def move(self) -> bool:
        """发得出就发一段，收得到就收一段；两样都没有则为 False。提前结束抛 ``EOFError``。"""
        moved = False
        if self.sent < len(self.data) and poll(self.source, select.POLLOUT):
            self.sent += pour(self.source, self.data[self.sent:self.sent + CHUNK])
            moved = True
        if len(self.seen) < len(self.data) and poll(self.target, select.POLLIN):
            if not (more := self.target.recv(1 << 16, socket.MSG_DONTWAIT)):
                raise EOFError
            self.seen += more
            moved = True
        return moved


def pour(sock: Any, data: bytes) -> int:
    """交给内核一些；一点也放不下则为 0。"""
    try:
        return int(sock.send(data, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return 0


def flow(stage: Ends, tried: str, *streams: Stream, excused: Callable[[], bool] = lambda: False) -> bool:
    """几股同时流，直到都收齐：一个字节不差。中途断了是一行不符；``excused`` 说不算，就返回 False。"""
    def moved() -> bool:
        return all(s.over for s in streams) or sum(s.move() for s in streams) > 0

    def seen() -> str:
        late = next(s for s in streams if not s.over)
        return f"发出了 {late.sent} 个，收到 {len(late.seen)} 个，就不动了"

    expected = "、".join(f"{len(s.data)} 个字节" for s in streams) + "，另一头收齐"
    try:
        while not all(s.over for s in streams):
            stage.until(moved, tried, expected, seen)
    except (EOFError, OSError) as error:
        if excused():
            return False
        stage.fail(tried, expected, refusal(error) if isinstance(error, OSError) else "没有收齐就到了结尾")
    for s in streams:
        stage.require(s.seen == s.data, tried, show(s.data), show(s.seen))
    return True


def hear_reset(stage: Ends, sock: Any, tried: str) -> None:
    """等这一头的连接被重置：读完还在路上的，最后是 ECONNRESET，不是结尾。"""
    stage.until(lambda: poll(sock, select.POLLIN), tried, "ECONNRESET", lambda: "连接还好好的，什么也没有", sock)
    try:
        while stage.until(lambda: poll(sock, select.POLLIN), tried, "ECONNRESET") and sock.recv(1 << 16):
            pass
    except ConnectionResetError:
        stage.require(True, tried, "ECONNRESET", "ECONNRESET")
    except OSError as error:
        stage.fail(tried, "ECONNRESET", refusal(error))
    else:
        stage.fail(tried, "ECONNRESET", "结尾（FIN）：像是好好地说完了")


# ---------------------------------------------------------------- 放不下了，没有声音了

def narrow(receive: int, send: int, *hosts: Host) -> None:
    """这些主机上，TCP 接收的缓冲区至多 ``receive`` 字节，发送的至多 ``send`` 字节。"""
    for host in hosts:
        host.sysctl("tcp_rmem", f"4096 {receive} {receive}")
        host.sysctl("tcp_wmem", f"4096 {send} {send}")


def fill(stage: Ends, server: Resident, source: Any, most: int) -> bytes:
    """对方不读，朝他一直发，直到再也放不下：网线静了，学生的进程也睡了。返回放下去的，至多 ``most`` 字节。"""
    data, done, resting = stage.rng.randbytes(most), 0, server.napping(CLOCK)
    while done < most:
        if taken := pour(source, data[done:done + CHUNK]):
            done, resting = done + taken, server.napping(CLOCK)
        elif resting() and stage.quiet() and not poll(source, select.POLLOUT):
            break
        else:
            stage.until(partial(_ripe, source, resting), f"朝不读的一头发了 {done} 字节，你的进程", "放不下了就睡着",
                        lambda: "一直在转")
    return data[:done]


def _ripe(source: Any, resting: Callable[[], bool]) -> bool:
    return resting() or poll(source, select.POLLOUT)


class Chorus:
    """一边等别的事，一边隔一会儿叫几股各走一个字节：``ways`` 里的 ``(名字, 从哪里, 到哪里)``，都只走一个方向。

    ``flooded`` 是对方不读的一头：放得下就再放。安静 ``idle`` 秒该断开。一股断了，而这一个字节到学生那里的时候，离上一个出发
    （没有上一个，就是它连上）已经有那么久（宽四分之一），就是考官自己被耽搁了，该不该断开说不清：此后它不再唱。
    """

    def __init__(self, stage: Ends, idle: float, flooded: Any) -> None:
        self.stage, self.idle, self.flooded = stage, round(idle * 1e9), flooded
        self.ways: dict[tuple[str, Any, Any], int] = {}  # 每一股 → 上一个字节何时出发
        self.last, self.heard, self.room = stage.now() - self.idle, False, FLOOD

    def sing(self) -> bool:
        """到了时候就走一遍。返回 ``flooded`` 是不是重置了。"""
        if self.stage.now() - self.last >= self.idle / 4:
            for way in list(self.ways):
                self._step(way)
            self.last = self.stage.now()
        with suppress(BlockingIOError):
            try:
                while self.room > 0 and not poll(self.flooded, select.POLLIN) and poll(self.flooded, select.POLLOUT):
                    self.room -= self.flooded.send(bytes(CHUNK), socket.MSG_DONTWAIT)
            except ConnectionResetError:
                self.heard = True
        return self.heard

    def _step(self, way: tuple[str, Any, Any]) -> None:
        (name, source, target), begun, place = way, self.stage.now(), way[1].getsockname()
        if flow(self.stage, f"{name}隔一会儿说一个字节", Stream(source, target, self.stage.rng.randbytes(1)),
                excused=lambda: self.stage.arrival(place, begun) - self.ways[way] >= 0.75 * self.idle):
            self.stage.rows.pop()  # 合起来只算一行
            self.ways[way] = begun
        else:
            del self.ways[way]

    def meet(self, name: str, backend: Any) -> Pair:
        """又来一对，同时唱着：先来的一直在走，后来的也要马上接通。"""
        near = knock(self.stage, name)
        self.stage.until(lambda: (self.sing(), poll(backend, select.POLLIN))[1], f"{name} 连上了代理，等代理连到后端",
                         "一个连接", lambda: "什么也没有等到")
        return Pair(self.stage, name, near, backend.accept()[0])

    def until_reset(self, sock: Any, tried: str) -> None:
        """等 ``sock`` 被重置，同时唱着。"""
        self.stage.until(lambda: (self.sing() and sock is self.flooded) or poll(sock, select.POLLIN), tried, "ECONNRESET",
                         lambda: "连接一直还在")
        if sock is self.flooded and self.heard:
            self.stage.require(True, tried, "ECONNRESET", "ECONNRESET")
        else:
            hear_reset(self.stage, sock, tried)
