"""把活交给一班线程或进程，做完一件收一件；Ctrl + C 只在等的时候打断。

KeyboardInterrupt 可以落在任何两条字节码之间。落在 ``queue.Queue`` 或 ``Future`` 刚拿到锁、还没有进到 with 里面的那一下，
锁就再也没有人放：收摊时等着它的线程永远等下去。所以交活的几句是完整的（``unbroken``），
等结果用 ``SimpleQueue``：它是 C 写的，等到一半被打断，里外都还是好的。
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

__all__ = ["Work", "unbroken"]

Result = TypeVar("Result")


@contextmanager
def unbroken() -> Iterator[None]:
    """with 里面的几句做完，Ctrl + C 才算数。只有主线程会被它打断，别的线程里什么也不做。"""
    before = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    if not callable(before):
        yield
        return
    missed: list[tuple[Any, ...]] = []
    signal.signal(signal.SIGINT, lambda *told: missed.append(told))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if missed:
            before(*missed[0])


class Work(Generic[Result]):
    """交给 ``pool`` 的活。逐个取它，就是做完的 ``Future``，先做完的先来；取的时候可以再交。"""

    def __init__(self, pool: Executor) -> None:
        self.pool = pool
        self.done: SimpleQueue[Future[Result]] = SimpleQueue()
        self.left = 0

    def give(self, function: Callable[..., Result], *args: Any) -> Future[Result]:
        """再交一件。"""
        with unbroken():
            future = self.pool.submit(function, *args)
            future.add_done_callback(self.done.put)
            self.left += 1
        return future

    def __iter__(self) -> Iterator[Future[Result]]:
        while self.left:
            future = self.done.get()
            self.left -= 1
            yield future
