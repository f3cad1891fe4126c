"""包的解读：同样的字节，前后不同，说法就不同。一行一个包，字节由 scapy 造，不要内核。"""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrHopByHop,
)
from scapy.packet import Raw

from sockscope.live.decode import Decoder, addresses, is_background

ENDS = {">": ("10.0.0.1", 40001, "10.0.0.2", 7007), "<": ("10.0.0.2", 7007, "10.0.0.1", 40001)}
FIRST = {">": 1000, "<": 9000}  # 两个方向的初始序号
OPEN = [("> S 0 0", ""), ("< SA 0 1", ""), ("> A 1 1", "")]


def segment(line: str) -> bytes:
    """``> PA 1 1 4 w0``：方向、标志、相对序号、相对确认号、长度（缺省 0）、窗口（缺省 1000）。"""
    way, flags, seq, ack, *rest = line.split()
    window = next((int(word[1:]) for word in rest if word.startswith("w")), 1000)
    length = next((int(word) for word in rest if word.isdigit()), 0)
    src, sport, dst, dport = ENDS[way]
    other = "<" if way == ">" else ">"
    acked = (FIRST[other] + int(ack)) % 2**32 if "A" in flags else 0
    return bytes(IP(src=src, dst=dst) / TCP(sport=sport, dport=dport, flags=flags, seq=(FIRST[way] + int(seq)) % 2**32,
                                            ack=acked, window=window) / Raw(b"x" * length))


STORIES = {
    "新的数据": [("> PA 1 1 4", ""), ("< A 1 5", ""), ("> PA 5 1 4", "")],
    "重传": [("> PA 1 1 4", ""), ("> PA 1 1 4", "retransmission"), ("> PA 5 1 4", "")],
    "重传一个字节，而窗口开着，就是重传": [("> PA 1 1 1", ""), ("> PA 1 1 1", "retransmission")],
    "重传的 SYN、SYN+ACK 与 FIN": [("> FA 1 1", ""), ("> FA 1 1", "retransmission")],
    "窗口关上，再开": [("> PA 1 1 4", ""), ("< A 1 5 w0", "zero window"), ("< A 1 5 w500", "window update")],
    "窗口关着：带一个旧字节的是探测": [("> PA 1 1 4", ""), ("< A 1 5 w0", "zero window"), ("> A 4 1 1", "window probe")],
    "窗口关着：不带数据、退一个序号的也是探测": [("> PA 1 1 4", ""), ("< A 1 5 w0", "zero window"), ("> A 4 1", "window probe")],
    "窗口关着：两个字节以上的旧数据是重传": [
        ("> PA 1 1 4", ""), ("< A 1 5 w0", "zero window"), ("> PA 1 1 4", "retransmission")],
    "窗口又开了，新数据发过以后，退一个序号的是保活": [
        ("> PA 1 1 4", ""), ("< A 1 5 w0", "zero window"), ("< A 1 5 w500", "window update"), ("> PA 5 1 4", ""),
        ("< A 1 9", ""), ("> A 8 1", "keepalive")],
    "保活": [("> PA 1 1 4", ""), ("< A 1 5", ""), ("> A 4 1", "keepalive"), ("< A 1 5", "")],
    "RST 里的窗口不作数：下一个 ACK 不是窗口更新": [("> PA 1 1 4", ""), ("< R 1 0 w0", ""), ("< A 1 5", "")],
    "RST 没有说法，窗口是 0 也不算关上": [("> PA 1 1 4", ""), ("< R 1 0 w0", ""), ("> A 4 1", "keepalive")],
}


def test_a_refused_syn_sent_again_is_a_retransmission():
    """拒绝它的 RST 丢了，序号从哪里数起也不忘；RST 自己的序号是 0，不从哪里数起。"""
    decoder = Decoder()
    refusal = bytes(IP(src="10.0.0.2", dst="10.0.0.1") / TCP(sport=7007, dport=40001, flags="RA", seq=0, ack=1001))
    assert decoder.decode(segment("> S 0 0"), 0)["note"] == ""
    for _ in range(2):
        said = decoder.decode(refusal, 0)
        assert (said["seq"], said["ack"], said["note"]) == (None, None, "")
        again = decoder.decode(segment("> S 0 0"), 0)
        assert (again["seq"], again["note"]) == (0, "retransmission")


def fields(decoder: Decoder, raw: bytes) -> tuple[object, ...]:
    said = decoder.decode(raw, 0)
    return said["seq"], said["ack"], said["note"]


def moved(line: str, by: int) -> bytes:
    """同样的段，序号整个挪了 ``by``：另一个初始序号。"""
    packet = IP(segment(line))
    packet[TCP].seq = (packet[TCP].seq + by) % 2**32
    return bytes(packet)


def test_a_new_syn_on_a_live_connection_counts_only_once_it_is_answered():
    """对端还记得旧连接：challenge ACK 和引来的 RST 照旧的数；接受以后，才照新的数。"""
    decoder, other = Decoder(), 5_000_000
    for line, _ in [*OPEN, ("> PA 1 1 4", ""), ("< A 1 5", "")]:
        decoder.decode(segment(line), 0)
    assert fields(decoder, moved("> S 0 0", other)) == (0, None, "")
    assert fields(decoder, segment("< A 1 5")) == (1, 5, "")
    assert fields(decoder, segment("> R 5 0")) == (5, None, "")
    assert fields(decoder, moved("> S 0 0", other)) == (0, None, "retransmission")
    answer = IP(src="10.0.0.2", dst="10.0.0.1") / TCP(sport=7007, dport=40001, flags="SA", seq=777, ack=1001 + other)
    assert fields(decoder, bytes(answer)) == (0, 1, "")
    assert fields(decoder, bytes(answer)) == (0, 1, "retransmission")
    data = IP(moved("> PA 1 1 4", other))
    data[TCP].ack = 778
    assert fields(decoder, bytes(data)) == (1, 1, "")


@pytest.mark.parametrize("by", [3, 50, 60000])
def test_a_forged_syn_inside_the_window_moves_nothing(by):
    decoder = Decoder()
    for line, _ in [*OPEN, ("> PA 1 1 4", "")]:
        decoder.decode(segment(line), 0)
    assert fields(decoder, moved("> S 1 0", by)) == (0, None, "")
    for line, wanted in [("< A 1 5", (1, 5, "")), ("> PA 5 1 4", (5, 1, "")), ("< A 1 9", (1, 9, "")),
                         ("> PA 5 1 4", (5, 1, "retransmission")), ("< FA 1 9", (1, 9, ""))]:
        assert fields(decoder, segment(line)) == wanted


def test_the_same_ends_again_start_from_zero_again():
    """旧连接早已结束，同一对端口又来一条：从头数起。"""
    decoder = Decoder()
    for line, _ in [*OPEN, ("> FA 1 1", ""), ("< FA 1 2", ""), ("> A 2 2", "")]:
        decoder.decode(segment(line), 0)
    again = [(moved("> S 0 0", 9_000), (0, None, ""))]
    answer = IP(moved("< SA 0 1", 70_000))
    answer[TCP].ack += 9_000
    last = IP(moved("> A 1 1", 9_000))
    last[TCP].ack += 70_000
    for raw, wanted in [*again, (bytes(answer), (0, 1, "")), (bytes(last), (1, 1, ""))]:
        assert fields(decoder, raw) == wanted


@pytest.mark.parametrize("story", STORIES)
def test_why_a_segment_appears(story):
    decoder = Decoder()
    for line, note in [*OPEN, *STORIES[story]]:
        assert (line, decoder.decode(segment(line), 0)["note"]) == (line, note)


def test_syn_and_its_answer_are_retransmitted_too():
    decoder = Decoder()
    notes = [decoder.decode(segment(line), 0)["note"] for line in ("> S 0 0", "> S 0 0", "< SA 0 1", "< SA 0 1")]
    assert notes == ["", "retransmission", "", "retransmission"]


def test_a_new_connection_between_the_same_ports_starts_a_new_account(monkeypatch):
    decoder = Decoder()
    for line in ("> S 0 0", "< SA 0 1", "> PA 1 1 4"):
        decoder.decode(segment(line), 0)
    monkeypatch.setitem(FIRST, ">", 500_000)
    assert decoder.decode(segment("> S 0 0"), 0)["note"] == ""
    assert decoder.decode(segment("> PA 1 1 4"), 0)["note"] == ""


def test_numbers_are_counted_from_the_first_and_wrap_around(monkeypatch):
    monkeypatch.setitem(FIRST, ">", 2**32 - 2)
    decoder = Decoder()
    for line in ("> S 0 0", "< SA 0 1"):
        decoder.decode(segment(line), 0)
    told = decoder.decode(segment("> PA 1 1 8"), 0)
    assert (told["seq"], told["ack"], told["length"]) == (1, 1, 8)
    assert decoder.decode(segment("< A 1 9"), 0)["ack"] == 9


def test_a_connection_seen_from_its_middle_has_no_numbers():
    told = Decoder().decode(segment("> PA 1 1 4"), 0)
    assert (told["seq"], told["ack"], told["note"]) == (None, None, "")


def test_the_window_is_scaled_after_the_syn_but_not_in_it():
    decoder = Decoder()
    syn = IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1, dport=2, flags="S", seq=7, window=1000,
                                                   options=[("WScale", 7), ("NOP", None), ("MSS", 500)])
    told = decoder.decode(bytes(syn), 0)
    assert (told["window"], told["options"]) == (1000, {"WScale": "7", "MSS": "500"})
    later = IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1, dport=2, flags="A", seq=8, window=1000)
    assert decoder.decode(bytes(later), 0)["window"] == 128_000


def test_each_cable_keeps_its_own_account():
    decoder = Decoder()
    assert [decoder.decode(segment("> S 0 0"), cable)["note"] for cable in (0, 1, 0)] == ["", "", "retransmission"]


ROAD = {"src": "10.0.0.1", "dst": "10.0.0.2"}
ROAD6 = {"src": "fd00::1", "dst": "fd00::2"}
OTHERS = {
    "udp": (IP(**ROAD) / UDP(sport=5, dport=7) / Raw(b"abc"), {
        "protocol": "udp", "source": "10.0.0.1:5", "target": "10.0.0.2:7", "length": 3}),
    "udp6": (IPv6(**ROAD6) / UDP(sport=5, dport=7), {"source": "[fd00::1]:5", "target": "[fd00::2]:7", "length": 0}),
    "echo": (IP(**ROAD) / ICMP(type=8) / Raw(b"ping"), {"protocol": "icmp", "info": "echo request", "length": 4}),
    "unknown icmp": (IP(**ROAD) / ICMP(type=40, code=3), {"protocol": "icmp", "info": "type 40 code 3"}),
    "icmp6": (IPv6(**ROAD6) / ICMPv6DestUnreach(code=4), {"protocol": "icmp", "info": "port unreachable"}),
    "unknown icmp6": (IPv6(**ROAD6) / ICMPv6EchoRequest(type=99), {"protocol": "icmp", "info": "type 99 code 0"}),
    "icmp6 cut short": (IPv6(**ROAD6, nh=58) / Raw(b"x"), {"protocol": "ip", "length": 1}),
    "igmp": (IP(src="10.0.0.1", dst="224.0.0.22", proto=2) / Raw(bytes(8)), {"protocol": "igmp", "info": "membership report"}),
    "other": (IP(**ROAD, proto=99) / Raw(b"12345"), {"protocol": "ip", "source": "10.0.0.1", "target": "10.0.0.2", "length": 5}),
    "first fragment": (IP(**ROAD, flags="MF", proto=17) / Raw(bytes(16)), {"info": "fragment 0+16"}),
    "later fragment": (IP(**ROAD, frag=2, proto=17) / Raw(bytes(8)), {"info": "fragment 16+8"}),
    "later sctp fragment": (IP(**ROAD, frag=2, proto=132) / Raw(bytes(8)), {"info": "fragment 16+8"}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_tcp(name):
    packet, wanted = OTHERS[name]
    told = Decoder().decode(bytes(packet), 0)
    assert {key: told.get(key) for key in wanted} == wanted


def test_tcp_over_ipv6_has_its_length_and_its_numbers():
    decoder = Decoder()
    syn = IPv6(**ROAD6) / TCP(sport=1, dport=2, flags="S", seq=7)
    decoder.decode(bytes(syn), 0)
    told = decoder.decode(bytes(IPv6(**ROAD6) / TCP(sport=1, dport=2, flags="PA", seq=8) / Raw(b"abc")), 0)
    assert (told["source"], told["seq"], told["length"]) == ("[fd00::1]:1", 1, 3)


# ---------------------------------------------------------------- 网线每个包都要问的两件事

V4 = IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=5, dport=7)
V6 = IPv6(src="fd00::1", dst="fd00::2") / TCP(sport=5, dport=7)


@pytest.mark.parametrize(("packet", "ends"), [
    (V4, (("10.0.0.1", 5), ("10.0.0.2", 7))), (V6, (("fd00::1", 5), ("fd00::2", 7))),
    (IP(src="10.0.0.1", dst="10.0.0.2") / UDP(), None), (IPv6() / UDP(), None),
    (IP(**ROAD, options=b"\x01" * 4) / TCP(sport=5, dport=7), (("10.0.0.1", 5), ("10.0.0.2", 7))),
    *((IP(**ROAD, frag=far, proto=6) / Raw(bytes(20)), None) for far in (4, 256))],
    ids=["v4", "v6", "udp", "udp6", "options", "later-fragment", "far-fragment"])
def test_the_ends_of_a_tcp_packet(packet, ends):
    assert addresses(bytes(packet)) == ends


@pytest.mark.parametrize(("packet", "background"), [
    (V4, False), (V6, False), (IPv6() / ICMPv6EchoRequest(), False), (IPv6() / ICMPv6ND_NS(), True),
    (IPv6() / IPv6ExtHdrHopByHop() / ICMPv6MLReport2(), True), (IPv6(nh=58), False), (IPv6(nh=0), False)],
    ids=["v4", "v6", "echo", "neighbour", "report", "empty", "bare-hop-by-hop"])
def test_what_the_kernel_says_to_itself(packet, background):
    assert is_background(bytes(packet)) is background
