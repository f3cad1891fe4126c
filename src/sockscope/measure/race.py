"""跑一趟：启动两个进程，收下它们量到的数。

来回的那几趟把两个进程绑在同一个核上（sched_setaffinity(2)）：跨核唤醒的快慢是机器的运气，绑在一起，
量到的就只剩内核走的路。搬运的那几趟不绑，收和发可以各占一个核。
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sockscope import places
from sockscope.live.folder import place, temporary
from sockscope.live.pace import patience
from sockscope.measure.conditions import date, kernel, machine
from sockscope.measure.results import KINDS, Flow, Latency, Measurement
from sockscope.measure.round_trip import kind_of

__all__ = ["NO_COMPILER", "SIZES", "latency", "measure", "programs", "throughput"]

ROUNDS = 2000
SMALL = 64  # 来回时一条消息的字节数
SIZES = (64, 256, 1024, 4096, 16_384, 61_440)  # 60 KiB：再大，UDP 就发不了
VOLUME, MOST = 32 << 20, 20_000  # 一趟至多这么多字节、这么多条
PASSES = 5  # 从头到尾走几遍：处理器时快时慢，隔开来量，每一种都赶上同样的忙闲
LIMIT = 30.0  # 一趟的时间上限，秒
NO_COMPILER = "这台机器没有 C 编译器（apt install gcc），只量了 Python。"
PYTHON = [sys.executable, "-P", str(Path(__file__).with_name("round_trip.py"))]
SOURCE = places.ROOT / "chapters" / "c" / "round_trip.c"

Programs = dict[str, list[str]]


@contextmanager
def programs() -> Iterator[Programs]:
    """语言 → 命令。有编译器就现编一份 C 的；没有就只有 Python。"""
    with temporary() as folder:
        found = {"Python": PYTHON}
        if (compiler := shutil.which("cc")) and SOURCE.exists():
            target = f"{folder}/round_trip"
            subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", target, SOURCE], check=True)
            found = {"C": [target], **found}
        yield found


def latency(kind: str, size: int = SMALL, rounds: int = ROUNDS, language: str = "Python",
            command: Sequence[str] = PYTHON) -> Latency:
    """``rounds`` 个来回各要多久。``kind`` 见 ``KINDS``；这台机器没有这种套接字，或一趟跑不完，抛 ``OSError``。"""
    return Latency.of(language, kind, size, _round_trips(kind, size, rounds, command))


def _round_trips(kind: str, size: int, rounds: int, command: Sequence[str]) -> list[int]:
    """一个个来回的纳秒数；前十分之一是热身，不算。"""
    with _one_core():
        lines = _run([*command, kind, "latency", str(size), str(rounds)])
    return [int(line) for line in lines.split()][rounds // 10:]


def throughput(kind: str, size: int, language: str = "Python", command: Sequence[str] = PYTHON) -> Flow:
    """一口气发许多条 ``size`` 字节的消息。能抛的同 ``latency``。"""
    count = max(1, min(MOST, VOLUME // size))
    sent, received, took = map(int, _run([*command, kind, "throughput", str(size), str(count)]).split())
    return Flow(language, kind, size, sent, received, took)


def _run(command: list[str]) -> str:
    with temporary(place()) as folder:
        process = subprocess.Popen([*command, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        try:
            output, complaint = process.communicate(timeout=patience(LIMIT))
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"量 {command[-4]} 的一趟过了 {patience(LIMIT):.0f} 秒还没有跑完。") from None
        finally:
            with suppress(ProcessLookupError):  # 连同它分叉出来的那一个
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        raise OSError(f"量 {command[-4]} 时程序出错：{(complaint.strip() or '没有说明').splitlines()[-1]}")
    return output


@contextmanager
def _one_core() -> Iterator[None]:
    """在 with 里启动的进程都在同一个核上；系统不许，就随它去。"""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


# ---------------------------------------------------------------- 全部量一遍

def measure(on_progress: Callable[[int, int, str], bool | None] = lambda *_: None, *,
            recorded: bool = False) -> Measurement | None:
    """每种语言、每种套接字、每种大小都量几遍，约一分钟。来回的合在一起，搬运的取最快的一趟。

    ``on_progress(做完几步, 共几步, 正在做什么)`` 返回 False 则叫停，得到 None。没有的套接字种类跳过。
    """
    took: dict[tuple[str, str], list[int]] = defaultdict(list)
    best: dict[tuple[str, str, int], Flow] = {}
    with programs() as found:
        once = [(language, kind, size) for language in found for kind in KINDS if _exists(kind) for size in (0, *SIZES)]
        steps = once * PASSES
        for done, step in enumerate(steps):
            language, kind, size = step
            if on_progress(done, len(steps), f"{language}，{KINDS[kind]}") is False:
                return None
            if size:
                flow = throughput(kind, size, language, found[language])
                best[step] = max(flow, best.get(step, flow), key=lambda flow: flow.rate)
            else:
                took[language, kind] += _round_trips(kind, SMALL, ROUNDS, found[language])
        on_progress(len(steps), len(steps), "量完了")
        return Measurement(
            machine=machine(), kernel=kernel(),
            python=platform.python_version(), compiler=_compiler() if "C" in found else "",
            recorded=date(recorded), flows=list(best.values()),
            latencies=[Latency.of(language, kind, SMALL, times) for (language, kind), times in took.items()])


def _exists(kind: str) -> bool:
    import socket
    try:
        socket.socket(*kind_of(kind)).close()
    except OSError:
        return False
    return True


def _compiler() -> str:
    told = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True, check=False).stdout.strip()
    return f"cc {told}".strip()
