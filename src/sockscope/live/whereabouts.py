"""此刻在哪台主机上：一个 ``ContextVar``，一层套一层，每个线程、每个 asyncio 任务各管各的。

在里面启动的线程、交给线程池的活，都跟着走（``Thread.start``、``ThreadPoolExecutor.submit``，见 ``hooks.py``）。
"""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sockscope.live import hooks

if TYPE_CHECKING:
    from sockscope.live.host import Host

__all__ = ["enter", "here", "leave", "on", "outside"]

Given = ParamSpec("Given")
Result = TypeVar("Result")

_stack: contextvars.ContextVar[tuple[Host, ...]] = contextvars.ContextVar("sockscope_hosts", default=())


def here() -> Host | None:
    """此刻在哪台主机上；不在哪一台上则为 None。"""
    stack = _stack.get()
    return stack[-1] if stack else None


def enter(host: Host) -> None:
    """到这台主机上去。"""
    hooks.hold()
    _stack.set((*_stack.get(), host))


def leave(host: Host) -> None:
    """离开这台主机，回到进来之前的那一台。"""
    stack = list(_stack.get())
    if host in stack:
        del stack[len(stack) - 1 - stack[::-1].index(host)]
    _stack.set(tuple(stack))
    hooks.release()


def on(host: Host | None, function: Callable[Given, Result], *args: Given.args, **named: Given.kwargs) -> Result:
    """在这台主机上（None 则不在哪一台上）运行。"""
    token = _stack.set((host,) if host is not None else ())
    hooks.hold()
    try:
        return function(*args, **named)
    finally:
        hooks.release()
        _stack.reset(token)


def outside(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """仪器自己的事：不论在哪里叫的，都不在哪台主机上做。"""
    @functools.wraps(function)
    def done_outside(*args: Given.args, **named: Given.kwargs) -> Result:
        return on(None, function, *args, **named)

    return done_outside


_start, _submit = threading.Thread.start, ThreadPoolExecutor.submit


def _start_here(thread: threading.Thread) -> None:
    """``Thread.start``：在哪台主机上启动的，就在哪台主机上运行。"""
    if (host := here()) is not None and not thread._started.is_set():  # type: ignore[attr-defined]
        run = thread.run

        def run_there() -> None:
            vars(thread).pop("run", None)
            on(host, run)

        thread.run = run_there  # type: ignore[method-assign]
    try:
        _start(thread)
    except RuntimeError:  # 启动过了，或者线程太多
        vars(thread).pop("run", None)
        raise
    if host is not None and thread not in host.network.threads:
        host.network.guests[thread] = None


def _submit_here(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
    """``ThreadPoolExecutor.submit``：线程是共用的，活是谁交的，就在谁的主机上做。"""
    return _submit(pool, functools.partial(on, here(), function), *args, **named)


hooks.attribute(threading.Thread, "start", _start_here)
hooks.attribute(ThreadPoolExecutor, "submit", _submit_here)
