"""SCTP 与手写的包在图上叫什么、由谁引出、字节怎样切开。"""

from __future__ import annotations

from pathlib import Path

import pytest

from sockscope import experiments
from sockscope.render.causes import causes
from sockscope.render.dissect import dissect
from sockscope.render.labels import call_text, caption, facts, packet_kind
from sockscope.render.words import explain
from sockscope.trace import Call, Packet, Trace, load

KERNEL = Path(__file__).parent / "render_zoo" / "sctp_kernel.json"  # 同一个实验，Debian 的 Linux 6.1，内核 SCTP


def captions(trace: Trace) -> list[str]:
    return [caption(p).whole for p in trace.packets if not p.pure_ack]


def behind(trace: Trace) -> dict[str, str]:
    """每种包由哪次调用引出。"""
    found = causes(trace)
    return {caption(e).text: trace.events[found[i]].name for i, e in enumerate(trace.events)
            if isinstance(e, Packet) and i in found and isinstance(trace.events[found[i]], Call)}


def test_chunks_have_their_names():
    assert captions(experiments.recording("association")) == [
        "INIT", "INIT ACK", "COOKIE ECHO", "COOKIE ACK", "DATA 流 0 “one” TSN 1", "DATA 流 1 “three” TSN 2",
        "DATA 流 0 “ok” TSN 1", "SHUTDOWN TSN 1", "SHUTDOWN ACK", "SHUTDOWN COMPLETE"]


def test_a_gap_and_a_repetition_are_named():
    told = [caption(p).whole for p in experiments.recording("streams").packets[4:]]
    assert told == ["DATA 流 0 “first” TSN 1 丢弃", "DATA 流 1 “second” TSN 2", "SACK TSN 0，另有 2",
                    "重传 DATA 流 0 “first” TSN 1", "SACK TSN 2"]


def test_the_figure_says_which_sctp_it_is():
    trace = experiments.recording("association")
    assert "用户态 usrsctp" in facts(trace)
    connect = next(call for call in trace.calls if "connect" in call.name)
    assert call_text(connect) == "usrsctp_connect(('10.0.0.2', 7007))"
    assert call_text(connect, short=True) == "connect(:7007)"
    assert "内核 SCTP" in facts(load(KERNEL))
    assert not [fact for fact in facts(experiments.recording("ping")) if "SCTP" in fact]


def test_the_kernel_and_the_library_send_the_same_packets():
    wires = [[line for line in trace.canonical() if line.startswith("包")]
             for trace in (load(KERNEL), experiments.recording("association"))]
    assert wires[0] == wires[1]


def test_calls_are_behind_the_chunks():
    found = behind(experiments.recording("association"))
    assert found["INIT"].endswith("connect")
    assert found["DATA 流 1 “three”"].endswith("send")
    assert found["SHUTDOWN"].endswith("shutdown")


def test_an_echo_is_no_error():
    trace = experiments.recording("ping")
    assert [packet_kind(p) for p in trace.packets] == ["echo", "echo"]
    assert behind(trace) == {"回显请求": "sendto"}


def test_an_unknown_protocol_is_named_by_its_number():
    assert captions(experiments.recording("copies", what="trial")) == ["协议 253"]


@pytest.mark.parametrize("name", ["association", "streams"])
def test_every_byte_belongs_to_one_block(name):
    for packet in experiments.recording(name).packets:
        blocks = dissect(packet)
        assert [b["start"] for b in blocks[1:]] == [b["end"] for b in blocks[:-1]]
        assert blocks[-1]["end"] == len(packet.raw) // 2
        assert [b["name"] for b in blocks[2:]] == [f"{flag} 块" for flag in packet.flags]


def test_every_chunk_is_explained():
    trace = experiments.recording("association")
    for index, event in enumerate(trace.events):
        if isinstance(event, Packet):
            assert explain(trace, index)["lines"][0]
