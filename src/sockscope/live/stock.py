"""备用的主机：读者看着这一幅图的时候，把下一次实验要用的主机先造好，拨动开关便不必等。

只备一个网络的主机：备下一个时，上一个没有用上的就收走。本进程一死，它们也随之消失。
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress

from sockscope.live.linux import after_fork
from sockscope.live.namespace import Namespace, NamespaceError
from sockscope.live.plan import Plan

__all__ = ["discard", "prepare", "take"]

_lock = threading.Lock()
_kept: list[tuple[Plan, Namespace]] = []


def prepare(plans: Iterable[Plan]) -> None:
    """为这些主机下单，不等它们造好；已有的备用先收走。下不了单就不备，真要用的时候自会说为什么。"""
    with _lock, suppress(NamespaceError):
        _empty()
        _kept.extend((plan, plan.build()) for plan in plans)


def take(plan: Plan) -> Namespace:
    """一台这样的主机：有备用就用备用，没有就现造。"""
    with _lock:
        for place, (ready, namespace) in enumerate(_kept):
            if ready == plan:
                del _kept[place]
                return namespace
    return plan.build()


def discard() -> None:
    """收走全部备用。"""
    with _lock:
        _empty()


def _empty() -> None:
    while _kept:
        _kept.pop()[1].close()


def _forget() -> None:
    """在 fork 出来的子进程里：备用的主机属于父进程，放下描述符就好。"""
    global _lock
    _lock = threading.Lock()
    _empty()


after_fork(_forget)
