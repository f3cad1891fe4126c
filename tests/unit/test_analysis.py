"""一个段在它的连接里是什么：手写的故事，一行一个包。与 tshark 的对照在 test_tshark。"""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import IP, TCP

from sockscope import experiments
from sockscope.live.decode import Decoder
from sockscope.render import svg, text
from sockscope.render.analysis import analysis
from sockscope.render.labels import caption
from sockscope.render.words import explain
from sockscope.trace import Cable, Host, Packet, Trace

ENDS = {">": ("10.0.0.1", 40001, "10.0.0.2", 7), "<": ("10.0.0.2", 7, "10.0.0.1", 40001)}
FIRST = {">": 4294967000, "<": 9000}  # 很快就绕回
OPEN = ["> S 0 0", "< SA 0 1", "> A 1 1"]


def told(lines: list[str], step: int = 2_000_000) -> Trace:
    """``> PA 1 1 4 w0 s5-9``：方向、标志、相对序号、确认号、长度、窗口、SACK 的块。"""
    decoder, events = Decoder(), []
    for number, line in enumerate([*OPEN, *lines]):
        way, flags, seq, ack, *rest = line.split()
        src, sport, dst, dport = ENDS[way]
        other = "<" if way == ">" else ">"
        words: dict[str, Any] = {w[0]: w[1:] for w in rest if not w.isdigit()}
        edges = tuple((FIRST[other] + int(n)) % 2**32 for block in rest if block[0] == "s" for n in block[1:].split("-"))
        segment = TCP(sport=sport, dport=dport, flags=flags, seq=(FIRST[way] + int(seq)) % 2**32,
                      ack=(FIRST[other] + int(ack)) % 2**32 if "A" in flags else 0, window=int(words.get("w", 1000)),
                      options=[("SAck", edges)] if edges else [])
        raw = bytes(IP(src=src, dst=dst) / segment / (b"x" * int(next((w for w in rest if w.isdigit()), "0"))))
        events.append(Packet(t=number * step, end=number * step + 1_000_000, number=number + 1,
                             src="client" if way == ">" else "server", dst="server" if way == ">" else "client",
                             **decoder.decode(raw, 0)))
    hosts = [Host(name="client", title="", addresses=["10.0.0.1"]), Host(name="server", title="", addresses=["10.0.0.2"])]
    return Trace(hosts=hosts, cables=[Cable(ends=["client", "server"])], events=events)


HOLE = ["> PA 1 1 100", "> PA 101 1 100", "> PA 201 1 100", "> PA 301 1 100"]  # 第一段丢了
STORIES = {
    "重复的确认，快速重传": ([*HOLE, "< A 1 1 s101-201", "< A 1 1 s101-301", "< A 1 1 s101-401", "> PA 1 1 100"],
                    [["sack", "duplicate ack"]] * 3 + [["fast retransmission"]]),
    "靠超时的重传没有别名": (["> PA 1 1 100", "> PA 1 1 100"], [[]]),
    "多余的重传，回以 DSACK": (["> PA 1 1 100", "< A 1 101", "> PA 1 1 100", "< A 1 101 s1-101"],
                      [["spurious retransmission"], ["dsack", "duplicate ack"]]),
    "对保活的应答": (["> PA 1 1 100", "< A 1 101", "> A 100 1", "< A 1 101"], [[], ["keepalive ack"]]),
    "对窗口探测的应答": (["> PA 1 1 1000", "< A 1 1001 w0", "> A 1000 1", "< A 1 1001 w0"], [["window probe ack"]]),
    "窗口已满": (["> PA 1 1 400", "> PA 401 1 600"], [["window full"]]),
}


@pytest.mark.parametrize("story", STORIES)
def test_a_segment_has_its_name(story: str) -> None:
    lines, names = STORIES[story]
    trace = told(lines)
    found = analysis(trace)
    assert [found.get(i, []) for i in range(len(trace.events))][-len(names):] == names


def test_sack_blocks_count_from_where_the_ack_counts() -> None:
    trace = told([*HOLE, "< A 1 1 s101-201 s301-401"])
    last = trace.packets[-1]
    assert last.sacks == [range(101, 201), range(301, 401)]
    assert "SACK 的块：101 到 200、301 到 400。" in explain(trace, len(trace.events) - 1)["lines"]
    assert "第 8 个包　duplicate ack　sack　SACK 101:201 301:401" in text.render(trace, details=True) \
        or "第 8 个包　sack　duplicate ack　SACK 101:201 301:401" in text.render(trace, details=True)
    assert "SACK 101" not in text.render(trace)


def test_congestion_is_written() -> None:
    """ECE 与 CWR（RFC 3168）：握手、确认、数据里都写出；带 ECE 的纯 ACK 仍是纯 ACK。"""
    trace = told(["> PAC 1 1 4", "< AE 1 5 w9000"])
    assert [caption(p).text for p in trace.packets[-2:]] == ["“xxxx” CWR", "ACK ECE"]
    assert trace.packets[-1].pure_ack
    opening = Decoder().decode(bytes(IP(src="10.0.0.1", dst="10.0.0.2") / TCP(flags="SEC", seq=1)), 0)
    assert caption(Packet(t=0, number=1, src="a", dst="b", **opening)).text == "SYN ECE CWR"


def test_multipath_is_named() -> None:
    raw = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / TCP(options=[(30, b"\x01\x81"), (30, b"\x10\x00"), (30, b"\xf0")]))
    assert Decoder().decode(raw, 0)["options"] == {"MPTCP": "MP_CAPABLE MP_JOIN subtype 15"}


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_the_figure_says_it_when_asked(width):
    """缺省不写；问了才写，写不下的省略，每个包还是一个箭头。"""
    trace = experiments.recording("disorder")
    plain, full = svg.render(trace, width=width), svg.render(trace, width=width, details=True)
    assert "MSS 1460" not in plain.split("</desc>")[1]
    assert "MSS" in full.split("</desc>")[1]
    assert full.count('class="packet') == plain.count('class="packet')


def test_a_wide_figure_has_room_for_a_dsack():
    drawn = svg.render(experiments.recording("disorder"), details=True).split("</desc>")[1]
    assert "dsack duplicate" in drawn
