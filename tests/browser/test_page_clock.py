"""页内的机器自己的钟（worker.js 的 Clock）：忙的时候慢，只等定时器的时候快，没有人问话的时候原样。"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

WORKER = Path(__file__).parents[2] / "book" / "_assets" / "page_kernel" / "worker.js"
TRY = """([source, steps]) => {
    let real = 1000;
    const performance = {now: () => real}, clock = new (Function("performance", `${source}; return Clock;`)(performance))();
    const start = performance.now();
    return steps.map(([what, value]) => {
        if (what === "passes") real += value;
        else if (what === "idle") return clock.idle(value);
        else clock[what] = what === "hurried" ? () => value : value;
        return performance.now() - start;
    });
}"""


@pytest.fixture
def tried(visit):
    """照步骤拨一个钟：每一步之后，机器看见过了多少毫秒；``idle`` 则是真的要歇多少。"""
    [source] = re.findall(r"^class Clock \{.*?^\}", WORKER.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    page = visit("about:blank").page

    def go(*steps: tuple[str, Any]) -> list[float]:
        return page.evaluate(TRY, [source, steps])

    return go


def test_a_busy_machine_sees_less_time_pass(tried):
    assert tried(("passes", 10), ("rate", 0.1), ("passes", 10), ("passes", 10)) == [10, 10, 11, 12]


def test_an_idle_machine_that_somebody_waits_for_hurries(tried):
    slept = tried(("hurried", True), ("idle", 30), ("idle", 30), ("passes", 6), ("idle", 1000), ("idle", 0))
    assert slept == [0, 0, 6, 66, 100, 0]  # 攒够 4 毫秒才真的歇；路上的 60 毫秒算过去了


def test_nobody_waiting_it_sleeps_as_long_as_it_says(tried):
    assert tried(("idle", 30), ("passes", 30), ("hurried", True), ("idle", 50), ("hurried", False), ("idle", 7)) \
        == [30, 30, 30, 5, 80, 7]
