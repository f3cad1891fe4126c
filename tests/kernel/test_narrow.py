"""细网线上真的量一次短的传输：吞吐不超过窗口除以来回时间；没有的算法是一句系统的错误。"""

from __future__ import annotations

import errno

import pytest

from sockscope.measure.narrow import transfer


def test_a_window_bounds_the_goodput():
    made = transfer("reno", trip=0.08, buffer=4_000, queue=300, seconds=0.5)
    assert 0 < made.goodput <= 1.2 * made.window / made.trip
    assert made.samples[0].cwnd == 10


def test_an_unknown_algorithm_is_refused():
    with pytest.raises(OSError) as refused:
        transfer("nosuch", seconds=0.1)
    assert refused.value.errno == errno.ENOENT
