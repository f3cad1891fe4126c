"""复查：把录制过的每一次再做一遍，与录制比较。

实验多半在等，所以许多个同时做：一个进程一次只做一个（互不抢解释器），进程的数目不影响结果。
一个做不成，不耽误别的：它的 ``problem`` 说出是哪个实验、哪个变体、剪了哪个包、停在哪次调用。
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sockscope import experiments
from sockscope.experiments.experiment import get, names, recording
from sockscope.experiments.recording import Recording, today
from sockscope.live import Unavailable
from sockscope.live.folder import place
from sockscope.pool import Work, unbroken
from sockscope.tcp import violations
from sockscope.trace import Trace, compare

__all__ = ["Outcome", "Run", "difference", "every_run", "perform", "perform_all", "team"]

PER_CORE = 4  # 一个核上同时做几个实验：它们大半时间在等


@dataclass(frozen=True)
class Run:
    """要做的一次：哪个实验，哪个变体（``key``），剪掉哪个包（空串为不剪）。"""

    experiment: str
    key: str
    cut: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """变体的参数。"""
        wanted = get(self.experiment)
        return next(v for v in wanted.variants() if wanted.key(v) == self.key)

    @property
    def cuts(self) -> list[str]:
        return [self.cut] if self.cut else []

    def __str__(self) -> str:
        return f"{self.experiment}（{self.key}{'，剪 ' + self.cut if self.cut else ''}）"


@dataclass(frozen=True)
class Outcome:
    """做了一次：得到的轨迹，或者为什么没有（一句话）；``impossible`` 是因为这台机器做不了。"""

    run: Run
    trace: Trace | None = None
    problem: str = ""
    impossible: bool = False


def every_run(wanted: Iterable[str] = ()) -> list[tuple[Run, float]]:
    """录制过的每一次，和它当时用了多少秒；最久的在前，大家一起做时便收得齐。"""
    found = []
    for name in wanted or names():
        whole = Recording.load(name)
        found += [(Run(name, key), trace) for key, trace in whole.variants.items()]
        found += [(Run(name, key, cut), trace) for key, cuts in whole.drops.items() for cut, trace in cuts.items()]
    return sorted(((run, trace.duration / 1e9) for run, trace in found), key=lambda one: -one[1])


def perform(run: Run) -> Outcome:
    """在本进程里做一次。任何失败都是一句话，不是异常。"""
    try:
        trace = get(run.experiment).run(drop=run.cuts, **run.values)
    except Exception as error:
        where = "；".join(getattr(error, "__notes__", []))
        told = f"{run}：{str(error) or type(error).__name__}{'（' + where + '）' if where else ''}"
        return Outcome(run, problem=told, impossible=isinstance(error, Unavailable))
    if broken := violations(trace):
        return Outcome(run, problem=f"{run} 的轨迹违反 RFC 9293 的状态机：{broken[0]}")
    return Outcome(run, replace(trace, recorded=today(), kernel=trace.kernel.partition("-")[0]))  # 发行版的后缀不是版本


def difference(outcome: Outcome) -> str:
    """与录制的第一处不同，一句话；相同则为空串。"""
    if outcome.trace is None:
        return outcome.problem
    run = outcome.run
    said = compare(recording(run.experiment, drop=run.cuts, **run.values), outcome.trace)
    return f"{run}：{said}" if said else ""


def recheck(run: Run) -> str:
    """再做一遍，与录制比较；相同则为空串。"""
    return difference(perform(run))


# ---------------------------------------------------------------- 许多个同时做

@contextmanager
def team(workers: int = 0) -> Iterator[ProcessPoolExecutor]:
    """一班做实验的进程；``workers`` 为 0 时按核数来定。出了这个 with，它们都不在了。"""
    context = multiprocessing.get_context("forkserver")
    names()  # 全部实验的模块都导入了，分出去的进程不必再导入
    modules = [module for module in sys.modules if module.startswith(f"{experiments.__name__}.")]
    context.set_forkserver_preload(["scapy.layers.inet6", *modules])
    with _short_paths():
        multiprocessing.forkserver.ensure_running()
    pool = ProcessPoolExecutor(workers or PER_CORE * (os.cpu_count() or 1), context, _join)
    try:
        yield pool
    finally:
        with unbroken():
            pool.shutdown(wait=False, cancel_futures=True)
        pool.shutdown()


@contextmanager
def _short_paths() -> Iterator[None]:
    """multiprocessing 把它的 Unix 域套接字放在临时文件夹里：TMPDIR 太长（unix(7) 只许 107 个字节）就换一个。"""
    before, tempfile.tempdir = tempfile.tempdir, place()
    try:
        yield
    finally:
        tempfile.tempdir = before


def _join() -> None:
    """进程开工：Ctrl + C 由主进程来管；主进程一死（哪怕是 kill -9），自己也不留下。"""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    master = multiprocessing.parent_process()
    if master is not None:
        multiprocessing.connection.wait([master.sentinel])
        os._exit(1)


def perform_all(pool: ProcessPoolExecutor, runs: Iterable[Run],
                then: Callable[[Outcome], Iterable[Run]] = lambda _: ()) -> Iterator[Outcome]:
    """全部做一遍，做完一个交出一个；``then`` 说由这一个还引出哪些。"""
    work: Work[Outcome] = Work(pool)
    for run in runs:
        work.give(perform, run)
    for future in work:
        outcome = future.result()
        for run in then(outcome):
            work.give(perform, run)
        yield outcome
