"""一根细网线上的一次传输：拥塞窗口、来回时间和送到了多少，都问内核（``TCP_INFO``）。

    from sockscope.measure.narrow import transfer
    transfer("reno", seconds=2).goodput       # 每秒送到几个字节

网线是仪器的（``live/cable.py``）：带宽、时延、队列、丢失由它定，比这台机器慢得多，所以结果不看机器快慢。
图在 ``narrow_figures.py``；``python -m sockscope.measure --narrow`` 重新录制书里的那一份。
"""

from __future__ import annotations

import json
import struct
import threading
import time
from _socket import socket as plain  # 读数不进轨迹：几千次
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from socket import IPPROTO_TCP, SO_RCVBUF, SOL_SOCKET
from statistics import median
from typing import Any

from sockscope import places
from sockscope.live import Network
from sockscope.live.socket import TracedSocket
from sockscope.measure.conditions import date, kernel, machine, origin, read

__all__ = ["ALGORITHMS", "PLACE", "RATE", "Narrow", "Sample", "Transfer", "load_narrow", "measure", "transfer"]

FORMAT = "sockscope-narrow/1"
ALGORITHMS = ("reno", "cubic", "bbr")
RATE, ROUND_TRIP, QUEUE = 10e6, 0.04, 30  # 比特每秒；秒；几个包
BUFFERS = (4_000, 8_000, 16_000, 32_000, 64_000, 128_000)  # 接收方的 SO_RCVBUF，字节；窗口由它定
TRIPS = (0.02, 0.08)
QUEUES = (10, 30, 100, 300)
LOSSES = (0.001, 0.003, 0.01, 0.03)
SEGMENT = 1448
GRAIN = 30  # 毫秒
WINDOW = 228  # struct tcp_info 里 tcpi_snd_wnd 在第几个字节（<linux/tcp.h>，Linux 5.4 起）
TCP_INFO, TCP_CONGESTION, TCP_NOTSENT_LOWAT = 11, 13, 25  # Linux 的号码
PLACE = places.ROOT / "book" / "measurements" / "narrow_cable.json"


@dataclass(frozen=True)
class Sample:
    """一次读数：第几毫秒，拥塞窗口是几段，平滑的来回时间是几微秒。"""

    at: int
    cwnd: int
    rtt: int


@dataclass(frozen=True)
class Transfer:
    """一次传输。``trip`` 秒，``buffer`` 是接收方的 SO_RCVBUF（0 是缺省），``window`` 是它
    通告过的最大窗口，都是字节；``goodput`` 是每秒送到程序手里的字节数，``again`` 是重传了几段。"""

    algorithm: str
    trip: float
    queue: int
    loss: float
    buffer: int
    window: int
    goodput: int
    again: int
    samples: list[Sample] = field(default_factory=list)

    @property
    def steady(self) -> list[Sample]:
        """后一半的读数：慢启动已经过去。"""
        return [s for s in self.samples if s.at * 2 >= self.samples[-1].at]

    @property
    def rtt(self) -> float:
        """后一半里来回时间的中位数，秒。"""
        return median(s.rtt for s in self.steady) / 1e6


@dataclass(frozen=True)
class Narrow:
    """一台机器上的一次测量：四组传输。``recorded`` 为空表示刚刚量的。"""

    machine: str
    kernel: str
    recorded: str = ""
    groups: dict[str, list[Transfer]] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return origin(self.recorded, self.machine, self.kernel, f"网线 {RATE / 1e6:g} Mbit/s")

    def of(self, group: str, algorithm: str) -> list[Transfer]:
        """一组里某个算法的各次传输。"""
        return [t for t in self.groups[group] if t.algorithm == algorithm]

    def save(self, path: Path = PLACE) -> None:
        """写成 JSON：一次传输一行。"""
        head = {"format": FORMAT, "machine": self.machine, "kernel": self.kernel, "recorded": self.recorded}
        groups = ",\n".join(f'"{name}":[\n' + ",\n".join(map(_line, group)) + "]" for name, group in self.groups.items())
        path.write_text(_compact(head)[:-1] + ',"groups":{\n' + groups + "}}\n", encoding="utf-8")


def _line(one: Transfer) -> str:
    return _compact(asdict(one) | {"samples": [[s.at, s.cwnd, s.rtt] for s in one.samples]})


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def load_narrow(path: Path = PLACE) -> Narrow:
    """读一份测量，缺省是书里的。没有抛 ``FileNotFoundError``，不合格式抛 ``MeasurementError``。"""
    return read(path, FORMAT, _built, "--narrow")


def _built(value: dict[str, Any]) -> Narrow:
    groups = {name: [Transfer(**one | {"samples": [Sample(*s) for s in one["samples"]]}) for one in group]
              for name, group in value.pop("groups").items()}
    return Narrow(**value, groups=groups)


# ---------------------------------------------------------------- 量

def transfer(algorithm: str, *, trip: float = ROUND_TRIP, queue: int = QUEUE, loss: float = 0.0, buffer: int = 0,
             seconds: float = 6.0) -> Transfer:
    """发 ``seconds`` 秒，每发出一段问一次 ``TCP_INFO``。这台机器没有、或不许用这个算法，抛 ``OSError``。"""
    with Network("client", "server", delay=trip / 2) as net:
        net.cable.bandwidth, net.cable.queue, net.cable.loss = RATE, queue, loss
        near, far = _pair(net, algorithm, buffer)
        received: list[int] = []
        reader = threading.Thread(target=_drain, args=(far, received), daemon=True)
        reader.start()
        samples, again, widest = _pour(near, seconds)
        goodput = round(sum(received) / seconds)
        near.close()
        far.close()
    return Transfer(algorithm, trip, queue, loss, buffer, widest, goodput, again, _thinned(samples))


def _pair(net: Network, algorithm: str, buffer: int) -> tuple[TracedSocket, TracedSocket]:
    listener = net.server.socket()
    if buffer:
        listener.setsockopt(SOL_SOCKET, SO_RCVBUF, buffer)
    listener.bind((net.server.address, 7007))
    listener.listen()
    near = net.client.socket()
    near.setsockopt(IPPROTO_TCP, TCP_CONGESTION, algorithm.encode())
    near.setsockopt(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 2 * SEGMENT)  # 没有发出的至多两段：每发出一段就醒一次
    near.connect(listener.getsockname())
    return near, listener.accept()[0]


def _drain(far: TracedSocket, received: list[int]) -> None:
    try:
        while data := plain.recv(far, 65_536):
            received.append(len(data))
    except OSError:  # 量完了，那一头关了
        pass


def _pour(near: TracedSocket, seconds: float) -> tuple[list[Sample], int, int]:
    """读数，重传了几段，对端通告过的最大窗口。"""
    samples, again, widest, start = [], 0, 0, time.monotonic()
    while (at := time.monotonic() - start) < seconds:
        plain.send(near, bytes(SEGMENT))
        raw = plain.getsockopt(near, IPPROTO_TCP, TCP_INFO, WINDOW + 4)
        numbers = struct.unpack_from("24I", raw, 8)
        samples.append(Sample(round(at * 1000), numbers[18], numbers[15]))
        again, widest = numbers[23], max(widest, *struct.unpack_from("I", raw, WINDOW))
    return samples, again, widest


def _thinned(samples: list[Sample]) -> list[Sample]:
    """``GRAIN`` 毫秒至多一个；最后一个总在。"""
    kept = samples[:1]
    for sample in samples[1:]:
        if sample.at >= kept[-1].at + GRAIN:
            kept.append(sample)
    return [*kept, samples[-1]]


def _planned() -> Iterator[tuple[str, dict[str, object]]]:
    """``(组, transfer() 的参数)``。"""
    for algorithm in ALGORITHMS:
        yield "algorithms", {"algorithm": algorithm, "seconds": 8.0}
    for trip in TRIPS:
        for buffer in BUFFERS:
            yield "windows", {"algorithm": "reno", "trip": trip, "buffer": buffer, "queue": 300, "seconds": 3.0}
    for algorithm in ALGORITHMS:
        for queue in QUEUES:
            yield "queues", {"algorithm": algorithm, "queue": queue, "seconds": 8.0}
        for loss in LOSSES:
            yield "losses", {"algorithm": algorithm, "loss": loss, "seconds": 8.0}


def measure(on_progress: Callable[[str], None] = lambda _: None, *, recorded: bool = False) -> Narrow:
    """四组全量，四分钟。这台机器没有的算法就空着。"""
    groups: dict[str, list[Transfer]] = {"algorithms": [], "windows": [], "queues": [], "losses": []}
    for group, options in _planned():
        on_progress(f"{group} {options}")
        try:
            made = transfer(**options)  # type: ignore[arg-type]
        except OSError as error:
            on_progress(f"{options['algorithm']}：{error.strerror}")
            continue
        groups[group].append(made)
    return Narrow(machine(), kernel(), date(recorded), groups)
