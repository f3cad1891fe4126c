"""测量的两份程序：同样的用法，同样的结果；除了 UDP，一个字节也不丢；出了错不留下进程。"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sockscope.measure import KINDS, latency, throughput
from sockscope.measure.race import programs


@pytest.fixture(scope="module")
def commands():
    with programs() as found:
        yield found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["C", "Python"])
def test_every_kind_makes_round_trips_and_flows(commands, language, kind):
    if language not in commands:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("没有 C 编译器（apt install gcc）")
    asked = {"language": language, "command": commands[language]}
    took = latency(kind, rounds=100, **asked)
    assert (took.language, took.kind, took.size) == (language, kind, 64)
    assert sum(took.bins.values()) == 90
    flow = throughput(kind, 61_440, **asked)
    assert flow.sent == 61_440 * 546
    assert flow.received == flow.sent or kind == "udp"
    assert flow.received % 61_440 == 0


def test_a_program_that_fails_is_told_in_one_sentence():
    with pytest.raises(OSError, match=r"量 tcp 时程序出错：.*没有地方"):
        latency("tcp", command=[sys.executable, "-c", "raise SystemExit('没有地方')"])


def test_nothing_is_left_running_when_it_fails():
    orphan = "import os, time\nif os.fork(): raise SystemExit('坏了')\nprint(os.getpid(), flush=True)\nos.read(0, 1)"
    with pytest.raises(OSError, match="坏了"):
        latency("tcp", command=[sys.executable, "-c", orphan])
    left = subprocess.run(["pgrep", "-f", "raise SystemExit\\('坏了'\\)"], capture_output=True, text=True, check=False)
    assert left.stdout == ""
