"""在本机开几个进程来批。话都在管道里说，没有一个端口，所以同一台机器上的别的用户连不上来。

工作进程死了（比如内存不够，被内核杀掉），它手里的几份各由一个新的进程单独重批；还是死，就是没有批成，
再运行一次 ``grade`` 接着批。
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any

from sockscope.grading.course.marking import AT_ONCE, Outcome, mark

__all__ = ["gathered"]

Task = tuple[str, tuple[Any, ...]]  # 编号、mark 的参数
FAREWELL = 5.0  # 收工时等一个工作进程多久，秒；还有没批完的，就不等了


class Died(RuntimeError):
    """工作进程批着批着没了。"""


def gathered(work: dict[str, tuple[Any, ...]], workers: int) -> Iterator[Outcome]:
    """批 ``编号 → mark 的参数``，批完一份交出一份。"""
    waiting, alone = list(reversed(work.items())), list[Task]()
    yield from _through([Worker(AT_ONCE) for _ in range(min(workers or os.cpu_count() or 1, len(waiting)))], waiting, alone)
    for task in [*alone, *waiting]:
        lost: list[Task] = []
        yield from _through([Worker(1)], [task], lost)
        for key, _ in lost:
            yield key, {}, Died("批改它的进程没了，多半是内存不够")


def _through(team: list[Worker], waiting: list[Task], lost: list[Task]) -> Iterator[Outcome]:
    """这几个工作进程一起批完 ``waiting``；死了的手里的几份放进 ``lost``。"""
    try:
        while True:
            for worker in team:
                worker.fill(waiting)
            busy = [worker for worker in team if worker.held]
            if not busy:
                return
            ready = wait([worker.pipe for worker in busy])
            for worker in [w for w in busy if w.pipe in ready]:
                try:
                    key, result, error = worker.pipe.recv()
                except (EOFError, OSError):
                    lost += worker.held.items()
                    team.remove(worker)
                    worker.close()
                    continue
                del worker.held[key]
                yield key, result, error
    finally:
        for worker in team:
            worker.close()


class Worker:
    """一个工作进程，和此刻在它手里的几份：至多 ``seats`` 份，一份一个线程。"""

    def __init__(self, seats: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.seats, self.held = seats, dict[str, tuple[Any, ...]]()
        self.process = context.Process(target=serve, args=(theirs, seats), daemon=True)
        self.process.start()
        theirs.close()

    def fill(self, waiting: list[Task]) -> None:
        while waiting and len(self.held) < self.seats:
            key, task = waiting.pop()
            self.held[key] = task
            with suppress(OSError):  # 它已经死了：读的时候就知道
                self.pipe.send((key, task))

    def close(self) -> None:
        """叫它走；还在批的不等了。"""
        self.pipe.close()
        self.process.join(FAREWELL)
        self.process.kill()
        self.process.join()
        self.process.close()


def serve(pipe: Connection, seats: int) -> None:
    """工作进程：收一份批一份，直到管道到了头——批改的一方说完了，或者没了。"""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # 按了 Ctrl + C，由批改的一方来收工，不必各说各的
    speaking = threading.Lock()

    def answer(key: str, done: Future[dict[str, Any]]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        with speaking, suppress(OSError):
            pipe.send((key, {} if error else done.result(), error))

    with ThreadPoolExecutor(seats) as pool, suppress(EOFError, OSError):
        while True:
            key, task = pipe.recv()
            pool.submit(mark, *task).add_done_callback(partial(answer, key))
