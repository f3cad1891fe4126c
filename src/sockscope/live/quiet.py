"""静下来了没有：后台线程不是做完了就是阻塞着，网线上没有包，剪刀剪掉的也补过了。"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sockscope.live.asleep import at_rest
from sockscope.live.pace import patience
from sockscope.live.register import alive
from sockscope.live.worker import Worker, dozes, is_stuck, waits_unseen

if TYPE_CHECKING:
    from sockscope.live.network import Network

__all__ = ["PATIENCE", "busy_guests", "nothing_more", "rests", "to_be_made_up"]

PATIENCE = 10.0  # 等大家静下来的上限，秒


def nothing_more(network: Network) -> bool:
    """线程都停着，网线安静，之后线程仍停着，而且这期间谁也没有动过。"""
    turns = network.journal.turns
    return (_idle_threads(network) and _idle_wires(network) and _idle_threads(network)
            and all(tracing.rests() for tracing in network.tracings()) and _idle_wires(network)
            and turns == network.journal.turns)


def to_be_made_up(network: Network) -> bool:
    """剪刀剪掉过 TCP 的包，而内核的重传定时器还开着：它迟早会补上，等它，免得结果看谁快。"""
    return any(c._hopeful for c in network.cables) and any(h.watch.retransmitting() for h in network.hosts.values())


def rests(network: Network, worker: Worker) -> bool:
    """它停下来了吗：停在不会返回的调用上，或睡在一次等待里（有时限也算）。"""
    return worker.name in _stuck_threads(network) or any(
        dozes(e) for e in network.journal.open_calls() if e.call.thread == worker.name)


def _idle_wires(network: Network) -> bool:
    return network.wires.settle(patience(PATIENCE)) if network.wires else True


def _idle_threads(network: Network) -> bool:
    """每个线程都已结束，或停在一个没有超时、网线安静以后也不会返回的调用上；别人写的程序自己启动的，睡着就算，有没有时限不论。"""
    stuck = _stuck_threads(network)
    return all(w.done or w.name in stuck for w in network.threads) and not busy_guests(network)


def busy_guests(network: Network) -> list[threading.Thread]:
    """别人写的程序在主机上启动的线程，此刻还没有停下来的。"""
    return [t for t in alive(network.guests)
            if t is not threading.current_thread() and t.is_alive() and not at_rest(t.native_id or 0)]


def _stuck_threads(network: Network) -> set[str]:
    calls = network.journal.open_calls()
    busy = {entry.call.thread for entry in calls}
    unseen = {w.name for w in network.threads if not w.done and w.name not in busy and waits_unseen(w)}
    return unseen | {e.call.thread for e in calls if is_stuck(e)}
