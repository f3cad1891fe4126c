"""读者自己填的数：每个可以填的参数取最小与最大，网线的时延取零，都做得完。"""

from __future__ import annotations

from typing import Any

import pytest

from sockscope import experiments

TYPED = [(name, {parameter.name: value}) for name in experiments.names() for parameter in experiments.get(name).parameters
         if parameter.typed for value in sorted(set(parameter.typed) - set(parameter.choices))]
LONG = ("backlog", "dead_or_slow", "detecting", "reconnecting")  # 定时器走几秒的：make soak 才做


@pytest.mark.slow
@pytest.mark.parametrize(("name", "values"), [
    *(pytest.param(name, values, marks=[pytest.mark.soak] if name in LONG else []) for name, values in TYPED),
    ("handshake", {"delay": 0}), ("closing", {"delay": 200})])
def test_the_ends_of_what_may_be_typed_can_be_done(name: str, values: dict[str, Any]):
    trace = experiments.get(name).run(**values)
    assert trace.parameters == experiments.get(name).complete(values)
    with pytest.raises(FileNotFoundError, match="没有录制"):
        experiments.recording(name, **trace.parameters)


def test_the_delay_typed_is_the_delay_of_the_cable():
    """SYN 离开客户端到进入服务器，至少这么久。"""
    trace = experiments.get("handshake").run(delay=120)
    [syn] = [packet for packet in trace.packets if packet.flags == ["SYN"]]
    assert syn.end is not None
    assert syn.end - syn.t >= 120e6


@pytest.mark.soak
@pytest.mark.parametrize("delay", [0, 200])
@pytest.mark.parametrize("name", [name for name in experiments.names() if name != "reconnecting"])
def test_any_experiment_on_another_cable(name: str, delay: int):
    """``reconnecting`` 的客户端只等 0.2 秒，来回 0.4 秒的网线上它永远连不上：那是它的答案，不在这里。"""
    experiments.get(name).run(delay=delay)
