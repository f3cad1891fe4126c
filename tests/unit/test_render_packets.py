"""一个包在图上与字节视图里的样子：箭头上的字、切开的字节、字不压字。字节由 scapy 造，不要内核。"""

from __future__ import annotations

import itertools
import re
import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.layers.sctp import SCTP, SCTPChunkCookieAck
from scapy.packet import Raw

from sockscope import experiments
from sockscope.live.decode import Decoder
from sockscope.render import svg
from sockscope.render.declutter import declutter, overlap
from sockscope.render.dissect import dissect
from sockscope.render.figure import Arrow, Label
from sockscope.render.labels import Caption, caption
from sockscope.trace import Action, Packet, Trace

ROAD = {"src": "10.0.0.1", "dst": "10.0.0.2"}
ROAD6 = {"src": "fd00::1", "dst": "fd00::2"}


def packet(made, **changes) -> Packet:
    return Packet(t=0, number=1, src="a", dst="b", **Decoder().decode(bytes(made), 0) | changes)


# ---------------------------------------------------------------- 字节

BLOCKS = {
    "tcp": (IP(**ROAD) / TCP(options=[("MSS", 500)]) / Raw(b"abc"),
            {"IPv4 头": 20, "TCP 头": 20, "TCP 选项": 4, "数据": 3}),
    "tcp6": (IPv6(**ROAD6) / TCP(), {"IPv6 头": 40, "TCP 头": 20}),
    "ip options": (IP(**ROAD, options=b"\x01" * 4) / UDP() / Raw(b"a"), {"IPv4 头": 20, "IPv4 选项": 4, "UDP 头": 8, "数据": 1}),
    "echo": (IP(**ROAD) / ICMP(type=8) / Raw(b"ping"), {"IPv4 头": 20, "ICMP 头": 8, "数据": 4}),
    "unreachable": (IP(**ROAD) / ICMP(type=3) / Raw(bytes(28)), {"IPv4 头": 20, "ICMP 头": 8, "引起差错的包": 28}),
    "unreachable6": (IPv6(**ROAD6) / ICMPv6DestUnreach() / Raw(bytes(48)), {"IPv6 头": 40, "ICMP 头": 8, "引起差错的包": 48}),
    "sctp": (IP(**ROAD) / SCTP() / SCTPChunkCookieAck() / Raw(bytes([77, 0, 0, 5, 1, 0, 0, 0])),
             {"IPv4 头": 20, "SCTP 头": 12, "COOKIE ACK 块": 4, "第 77 种 块": 8}),
    "later fragment": (IP(**ROAD, frag=2, proto=17) / Raw(bytes(16)), {"IPv4 头": 20, "内容": 16}),
    "another protocol": (IP(**ROAD, proto=253) / Raw(b"trial"), {"IPv4 头": 20, "内容": 5}),
    **{f"{number} cut short": (IP(**ROAD, proto=number) / Raw(bytes(7)), {"IPv4 头": 20, "内容": 7})
       for number in (1, 6, 17, 132)},
}


@pytest.mark.parametrize("name", BLOCKS)
def test_the_bytes_are_cut_at_the_heads(name):
    made, wanted = BLOCKS[name]
    blocks = dissect(packet(made))
    assert {b["name"]: b["end"] - b["start"] for b in blocks} == wanted
    ends = [0, *itertools.accumulate(wanted.values())]
    assert [(b["start"], b["end"]) for b in blocks] == list(itertools.pairwise(ends))


def read(block: dict, raw: bytes) -> dict[str, int | str]:
    """照字段的写法读：名字 → 数；选项写着的就是全部。"""
    found, at = {}, block["start"]
    for field in block["fields"]:
        size, how, name = re.fullmatch(r"(\d+)([xa-]?)(.*)", field).groups()
        found[name] = "" if how == "-" else int.from_bytes(raw[at:(at := at + int(size))])
        at += int(size) if how == "-" else 0
    assert not block["fields"] or "块" in block["name"] or at == block["end"], "字段占满整个头"
    return found


@pytest.mark.parametrize("name", BLOCKS)
def test_every_byte_of_a_head_has_a_field(name):
    shown = packet(BLOCKS[name][0])
    for block in dissect(shown):
        assert bool(read(block, bytes.fromhex(shown.raw))) == block["name"].endswith((" 头", "TCP 选项", " 块"))


def test_fields_stand_where_scapy_puts_them():
    options = [("MSS", 500), ("NOP", None), ("WScale", 7), ("SAckOK", b""), ("Timestamp", (9, 8)), ("SAck", (100, 200)),
               ("EOL", None)]
    made = IP(bytes(IP(**ROAD, ttl=9, id=77) / TCP(seq=5, ack=6, window=700, flags="SA", urgptr=3, options=options)))
    raw = bytes(made)
    ip, tcp, listed = (read(block, raw) for block in dissect(packet(made)))
    assert (ip["TTL"], ip["标识"], ip["总长度"], ip["校验和"], ip["协议"]) == (9, 77, len(raw), made.chksum, 6)
    assert ip["源地址"].to_bytes(4) == socket.inet_aton(made.src)
    there = made[TCP]
    assert (tcp["源端口"], tcp["目的端口"], tcp["序号"], tcp["确认号"]) == (there.sport, there.dport, 5, 6)
    assert (tcp["标志"], tcp["窗口"], tcp["校验和"], tcp["紧急指针"]) == (0x12, 700, there.chksum, 3)
    assert {"MSS 500", "填充", "窗口扩大 7", "允许 SACK", "时间戳 9，回显 8", "SACK 100–200", "结束"} <= set(listed)


@pytest.mark.parametrize("options", [b"\x02", b"\x05\x00\x00\x00", b"\xfd\xff\x00\x00", b"\x08\x0a\x00\x00"])
def test_a_spoiled_option_ends_with_the_head(options):
    head = b"\0" * 12 + bytes([(20 + 4) // 4 << 4]) + b"\0" * 7
    block = dissect(packet(IP(**ROAD, proto=6) / Raw(head + options.ljust(4, b"\0"))))[2]
    assert sum(int(re.match(r"\d+", field)[0]) for field in block["fields"]) == 4


# ---------------------------------------------------------------- 箭头上的字

@pytest.mark.parametrize(("said", "text"), [
    (b"hi", "“hi”"), (b"", "空数据报"), (b"\xff\xfe", "2 B"), (b"a\n", "2 B"), (b"x" * 100, "100 B")])
def test_short_readable_data_are_written_out(said, text):
    assert caption(packet(IP(**ROAD) / UDP() / Raw(said))).text == text


@pytest.mark.parametrize(("changes", "detail"), [
    ({"flags": ["ACK"], "ack": 5, "window": 65_000}, "5"), ({"flags": ["ACK"], "ack": 5, "window": 0}, "ACK 5"),
    ({"flags": ["FIN", "ACK"], "ack": 5}, "7"), ({"flags": ["ACK"], "ack": 5, "note": "keepalive"}, "7"),
    ({"flags": ["PSH"], "length": 3}, "7:10"), ({"flags": []}, ""), ({"flags": ["RST"]}, ""), ({"flags": ["SYN"]}, ""),
    ({"flags": ["ACK"], "seq": None, "ack": 5}, "")])
def test_the_small_print_of_a_segment(changes, detail):
    assert caption(packet(IP(**ROAD) / TCP(), **{"seq": 7, "ack": None} | changes)).detail == detail


# ---------------------------------------------------------------- 字不压字

def arrow(kind: str, y: float = 50.0, text: str = "SYN") -> Arrow:
    label = Label(100, y, text, 12, "middle", tail="7:10")
    return Arrow(0, packet(IP(**ROAD) / TCP()), kind, 0, y, 200, y + 10, label, Caption(text, "7:10", "", ""), True, (0, 0))


def test_words_make_way_for_what_stands_there():
    fixed = Label(100, 50, "connect()", 12, "middle")
    moved = arrow("syn")
    declutter([moved], [fixed])
    assert moved.label.text == "SYN"
    assert not overlap(moved.label.box(), fixed.box())


def test_where_no_place_is_left_the_ordinary_falls_silent_and_the_important_stays():
    wall = [Label(100, y, "墙" * 40, 12, "middle") for y in range(0, 120, 6)]
    plain, important = arrow("ack", text="ACK"), arrow("syn")
    declutter([plain, important], wall)
    assert (plain.label.text, plain.label.tail) == ("", "")
    assert (important.label.text, important.label.x, important.label.y) == ("SYN", 100, 50)


@pytest.mark.parametrize("kind", ["ack", "data"])
def test_the_important_choose_first(kind):
    plain, important = arrow(kind, text="ACK"), arrow("syn")
    declutter([plain, important], [])
    assert (important.label.x, important.label.tail) == (100, "7:10")
    assert not overlap(plain.label.box(), important.label.box())


# ---------------------------------------------------------------- 断线

@pytest.mark.parametrize(("names", "drawn"), [
    (["cut", "join"], 1), (["cut"], 1), (["join"], 0), (["join", "cut", "join", "cut"], 2)])
def test_a_cable_is_out_from_its_cut_to_its_joining(names, drawn):
    trace = experiments.recording("ping")
    actions = [Action(t=t * 1_000_000, where="cable0", name=name) for t, name in enumerate(names, 1)]
    broken = Trace(hosts=trace.hosts, cables=trace.cables, events=[*trace.events, *actions])
    assert svg.render(broken).count('class="outage"') == drawn
