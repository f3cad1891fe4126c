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


def test_settling_waits_for_the_very_segment_that_was_cut():
    """同一条连接上别的段先重传了，不算补上。"""
    trace = experiments.get("disorder").run(domain="AF_INET", kind="SOCK_STREAM", drop=["client>server PSH+ACK 7+5 #1"])
    again = [p.seq for p in trace.packets if p.note == "retransmission"]
    assert again[0] == 1, "走得慢的那个先重传"
    assert 7 in again
    assert trace.calls[-2].result == "b'onetwothree'"
