"""交给许多进程批：dask.distributed，在本机开一个，或用现成的。工作进程死了，它手里的卷子由别的进程重批。"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any

from distributed import Client, LocalCluster, Worker, WorkerPlugin, as_completed

from sockscope.grading.course.marking import AT_ONCE, mark

__all__ = ["gathered"]

Outcome = tuple[str, dict[str, Any], BaseException | None]  # 编号、判定、为什么没有批成
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"  # 按了 Ctrl + C，由我们来收工，工作进程不必各说各的


class Unwatched(WorkerPlugin):
    """叫工作进程别再每 10 毫秒看一眼各个线程停在哪里。

    它看的办法 ``sys._current_frames()`` 在 Python 3.11 里碰上垃圾回收会把整个进程锁死（python/cpython#106883）：
    线程生生灭灭的批改正是那样的场合，几十份里就遇得到。
    """

    def setup(self, worker: Worker) -> None:
        for name in ("profile", "profile-cycle"):
            if callback := worker.periodic_callbacks.pop(name, None):
                callback.stop()


def gathered(work: dict[str, tuple[Any, ...]], workers: int, scheduler: str) -> Iterator[Outcome]:
    """批 ``编号 → mark 的参数``，批完一份交出一份；没有给 ``scheduler`` 就在本机开一个。"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if scheduler:
            with Client(scheduler) as client:
                yield from _gather(client, work)
            return
        with LocalCluster(n_workers=workers or os.cpu_count() or 1, threads_per_worker=AT_ONCE, host="127.0.0.1",
                          dashboard_address="127.0.0.1:0", silence_logs=50, preload=DEAF) as cluster, Client(cluster) as client:
            yield from _gather(client, work)


def _gather(client: Client, work: dict[str, tuple[Any, ...]]) -> Iterator[Outcome]:
    client.register_plugin(Unwatched())
    waiting = {client.submit(mark, *task, key=key, pure=False, retries=1) for key, task in work.items()}
    for future in as_completed(list(waiting)):
        waiting.remove(future)
        error = future.exception()
        yield future.key, {} if error else future.result(), error
        future.release()
