"""没有 dask 的机器：就在本机开几个进程来批。有一个进程死了，没有批完的报作没有批成，再运行一次 ``grade`` 接着批。"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from sockscope.grading.course.marking import AT_ONCE, mark

__all__ = ["gathered"]


def gathered(work: dict[str, tuple[Any, ...]], workers: int,
             scheduler: str) -> Iterator[tuple[str, dict[str, Any], BaseException | None]]:
    """批 ``编号 → mark 的参数``，批完一份交出一份：``(编号, 判定, 为什么没有批成)``。``scheduler`` 总是空串。"""
    at_once = (workers or os.cpu_count() or 1) * AT_ONCE
    pool = ProcessPoolExecutor(at_once, mp_context=multiprocessing.get_context("spawn"))
    try:
        tasks = {pool.submit(mark, *task): key for key, task in work.items()}
        for future in as_completed(tasks):
            error = future.exception()
            yield tasks[future], {} if error else future.result(), error
    finally:
        pool.shutdown(cancel_futures=True)
