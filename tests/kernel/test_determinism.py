"""同一个实验再做一遍，规范形式一个字都不差，忙的时候也一样。"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sockscope import experiments
from sockscope.tcp import violations
from sockscope.trace import compare

CLOSING = experiments.get("closing")
SOME = [v for v in CLOSING.variants() if v["peer_sends"] == v["duplicate"] and v["how"] != "SHUT_RD"]
BUSY = "while True: pass"


@contextmanager
def busy(cores: int) -> Iterator[None]:
    """让几个核一直忙着。"""
    burners = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(cores)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def difference(values: dict) -> str | None:
    """现场与录制的第一处不同；违反状态机也算。"""
    trace = CLOSING.run(**values)
    broken = violations(trace)
    return broken[0] if broken else compare(experiments.recording("closing", **values), trace)


@pytest.mark.parametrize("values", SOME, ids=CLOSING.key)
def test_a_run_is_the_same_as_its_recording(values):
    assert difference(values) is None


@pytest.mark.slow
def test_a_busy_machine_changes_nothing():
    with busy(2):
        assert [(CLOSING.key(v), said) for v in SOME[::3] if (said := difference(v))] == []


def test_dropping_a_packet_twice_gives_the_same_story():
    signature = "client>server FIN+ACK 1+0 #1"
    one, two = (CLOSING.run(drop=[signature]) for _ in range(2))
    assert compare(one, two) is None
    assert [p.fate for p in one.sent_by("client", "FIN")] == ["dropped", "delivered"], "settle() 等内核把它补上"


@pytest.mark.soak
@pytest.mark.parametrize("values", CLOSING.variants(), ids=CLOSING.key)
def test_twenty_runs_under_load_are_the_same(values):
    with busy(2):
        assert [said for _ in range(20) if (said := difference(values))] == []
