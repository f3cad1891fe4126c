"""交活与收活：Ctrl + C 落在哪里，都不留下一把没有人放的锁。"""

from __future__ import annotations

import queue
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from sockscope.pool import Work, unbroken


def test_what_is_done_comes_first_and_more_may_be_given():
    with ThreadPoolExecutor(2) as pool:
        work: Work[int] = Work(pool)
        slow = queue.SimpleQueue()
        work.give(slow.get)
        work.give(int, "1")
        found = []
        for future in work:
            found.append(future.result())
            if len(found) == 1:
                work.give(int, "2")
            if len(found) == 2:
                slow.put(3)
    assert found == [1, 2, 3]


def test_an_interrupt_waits_until_the_block_is_done():
    steps = []

    def act():
        with unbroken():
            signal.raise_signal(signal.SIGINT)
            steps.append("还是做完了")

    with pytest.raises(KeyboardInterrupt):
        act()
    assert steps == ["还是做完了"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_inside_puts_the_handler_back():
    with pytest.raises(ValueError, match="自己的"), unbroken():
        raise ValueError("自己的")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_in_the_middle_of_giving_leaves_no_lock(monkeypatch):
    """``queue.Queue`` 拿到锁、还没有进到 with 里面的那一下：从前收摊时就永远等下去。"""
    enter = queue.threading.Condition.__enter__

    def interrupted(condition):
        value = enter(condition)
        if condition is pool._work_ids.not_full:
            signal.raise_signal(signal.SIGINT)
        return value

    pool = ProcessPoolExecutor(1)
    work: Work[int] = Work(pool)
    monkeypatch.setattr(queue.threading.Condition, "__enter__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        work.give(int, "1")
    monkeypatch.undo()
    assert not pool._work_ids.mutex.locked()
    pool.shutdown()
    assert [future.result() for future in work] == [1]
