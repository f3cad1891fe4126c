"""实验的时限：到了就停下，说清楚，不冒充做完了。"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockscope import experiments
from sockscope.experiments import attempt, connected
from sockscope.trace import TraceError


def waits_for_ever(net):
    near, _far = connected(net)
    near.recv(1)


ENDLESS = replace(experiments.get("three_packets"), limit=0.3)


def test_an_experiment_over_its_limit_says_so():
    with pytest.raises(TimeoutError, match=r"到此为止。\n还在等：client s1\.recv\(1\)$"):
        replace(ENDLESS, function=waits_for_ever).run()


def tries_for_ever(net):
    connected(net)
    while True:
        attempt(net.client.socket().connect, (net.server.address, 9))


def test_one_that_catches_every_error_and_tries_again_is_stopped_too():
    with pytest.raises(TimeoutError, match="到此为止。"):
        replace(ENDLESS, function=tries_for_ever).run()


def test_a_reader_who_stops_it_keeps_what_was_seen():
    trace = replace(ENDLESS, function=waits_for_ever, limit=20.0).run(
        on_progress=lambda trace: all(c.name != "recv" for c in trace.calls))  # 看见它在等，就叫停
    assert [c.name for c in trace.calls if c.host == "client"][-1] == "recv"


def test_a_trace_without_packets_does_not_pretend_to_know_them():
    trace = experiments.get("half_close").run(capture="loopback")
    with pytest.raises(TraceError, match="没有抓包"):
        trace.sent_by("client", "FIN")
