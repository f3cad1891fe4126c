"""剪刀：剪同一个包，每次的结果都一样。"""

from __future__ import annotations

from sockscope import experiments
from sockscope.experiments.experiment import LATE


def test_cutting_syn_ack_leaves_no_race_between_two_timers():
    """客户端重传 SYN 与服务器重传 SYN+ACK 本来同时到点；先到的总是 SYN。"""
    trace = experiments.get("handshake").run(drop=["server>client SYN+ACK 0+0 #1"])
    assert [p.note for p in trace.sent_by("server", "SYN", "ACK")] == ["", "retransmission"]
    first, again = trace.sent_by("client", "SYN")
    assert first.end - first.t >= LATE * 1e9
    assert again.end < trace.sent_by("server", "SYN", "ACK")[1].t
