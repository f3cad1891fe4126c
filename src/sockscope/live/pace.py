"""这台机器有多快。仪器等人、等内核都有时限，时限只为不永远等下去：慢的机器（浏览器里模拟的那一台）就等得久些，结果不看快慢。

快慢由一小段固定的活量出来，按处理器时间算，所以机器忙不算慢；一个进程量一次，普通的机器都是 1，时限原样。

只用标准库：主机工坊（``forge.py``）里也用得上。
"""

from __future__ import annotations

import functools
import os
import statistics
import time

__all__ = ["measure_again", "pace", "patience"]

WORK = 300  # 一段活：几次进出内核，几步 Python
ORDINARY = 0.002  # 普通的机器做完一段活，怎么也用不了这么久，秒（近年的机器只要它的十分之一）
TIMES = 5


@functools.cache
def pace() -> float:
    """慢多少倍，至少是 1。"""
    return max(1.0, statistics.median(_once() for _ in range(TIMES)) / ORDINARY)


def patience(seconds: float) -> float:
    """普通的机器上等 ``seconds`` 秒，这台机器上该等多久。"""
    return seconds * pace()


def measure_again() -> None:
    """从快照里醒来的机器换了主人：下次要用时重新量。"""
    pace.cache_clear()


def _once() -> float:
    before = time.thread_time()
    for number in range(WORK):
        os.getppid()
        str(number).encode()
    return time.thread_time() - before
