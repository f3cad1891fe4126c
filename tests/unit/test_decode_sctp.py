"""SCTP 包的解读：块的名字、TSN、缺口、重传。字节由 scapy 造，不要内核。"""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.sctp import (
    SCTP,
    SCTPChunkAuthentication,
    SCTPChunkCookieAck,
    SCTPChunkCookieEcho,
    SCTPChunkData,
    SCTPChunkHeartbeatReq,
    SCTPChunkInit,
    SCTPChunkInitAck,
    SCTPChunkSACK,
    SCTPChunkShutdown,
)
from scapy.packet import Raw

from sockscope.live.decode import Decoder

ENDS = {4: ("10.0.0.1", "10.0.0.2"), 6: ("fd00::1", "fd00::2")}
FIRST = {">": 1000, "<": 9000}  # 两个方向的初始 TSN


def packet(way: str, *chunks: Any, version: int = 4) -> bytes:
    """一个 SCTP 包：``>`` 是 40001 发给 7007，``<`` 是回来的。"""
    near, far = ENDS[version] if way == ">" else ENDS[version][::-1]
    ports = (40001, 7007) if way == ">" else (7007, 40001)
    made = (IP if version == 4 else IPv6)(src=near, dst=far) / SCTP(sport=ports[0], dport=ports[1])
    for chunk in chunks:
        made = made / chunk
    return bytes(made)


def data(way: str, tsn: int, said: bytes, stream: int = 0) -> SCTPChunkData:
    return SCTPChunkData(tsn=(FIRST[way] + tsn - 1) % 2**32, stream_id=stream, stream_seq=0, data=said)


def sack(way: str, tsn: int, *gaps: str) -> SCTPChunkSACK:
    """``way`` 一方报告：对面的 ``tsn`` 及以前都收到了，另外还有 ``gaps``。"""
    return SCTPChunkSACK(cumul_tsn_ack=(FIRST["<" if way == ">" else ">"] + tsn - 1) % 2**32, gap_ack_list=list(gaps))


def opened(version: int = 4) -> Decoder:
    """看过了四次握手的解读者。"""
    decoder = Decoder()
    for way, chunk in ((">", SCTPChunkInit(init_tsn=FIRST[">"])), ("<", SCTPChunkInitAck(init_tsn=FIRST["<"])),
                       (">", SCTPChunkCookieEcho(cookie=b"abcde")), ("<", SCTPChunkCookieAck())):
        decoder.decode(packet(way, chunk, version=version), 0)
    return decoder


def test_four_packets_open_an_association():
    decoder = Decoder()
    chunks = [(">", SCTPChunkInit(init_tsn=7)), ("<", SCTPChunkInitAck(init_tsn=8)),
              (">", SCTPChunkCookieEcho(cookie=b"abcde")), ("<", SCTPChunkCookieAck())]
    told = [decoder.decode(packet(*each), 0) for each in chunks]
    assert [one["flags"] for one in told] == [["INIT"], ["INIT ACK"], ["COOKIE ECHO"], ["COOKIE ACK"]]
    assert {(one["protocol"], one["seq"], one["ack"], one["length"], one["note"], one["info"]) for one in told} == {
        ("sctp", None, None, 0, "", "")}
    assert [one["source"] for one in told[:2]] == ["10.0.0.1:40001", "10.0.0.2:7007"]


@pytest.mark.parametrize("version", ENDS)
def test_data_in_several_chunks_are_counted_together(version):
    decoder = opened(version)
    told = decoder.decode(packet(">", data(">", 1, b"one"), data(">", 2, b"three", stream=1), version=version), 0)
    assert (told["flags"], told["seq"], told["length"]) == (["DATA", "DATA"], 1, 8)
    assert told["info"] == "stream 0 'one'；stream 1 'three'"
    assert told["target"] == ("10.0.0.2:7007" if version == 4 else "[fd00::2]:7007")
    after = decoder.decode(packet(">", data(">", 3, b"x"), version=version), 0)
    assert (after["seq"], after["note"]) == (3, "")


def test_a_sack_names_its_gaps_and_may_come_again():
    decoder = opened()
    for _ in range(2):
        told = decoder.decode(packet("<", sack("<", 1, "2:2", "4:5")), 0)
        assert (told["flags"], told["ack"], told["info"], told["note"]) == (["SACK"], 1, "gap 3-3，gap 5-6", "")
    whole = decoder.decode(packet("<", sack("<", 6), data("<", 1, b"ok")), 0)
    assert (whole["ack"], whole["seq"], whole["info"]) == (6, 1, "stream 0 'ok'")


def test_every_chunk_speaks_for_itself_only():
    """scapy 的块答得出后面的块的属性：说话的只能是有那个字段的一块。"""
    decoder = opened()
    told = decoder.decode(packet("<", SCTPChunkCookieAck(), sack("<", 1, "2:2"), data("<", 1, b"ok")), 0)
    assert (told["flags"], told["info"]) == (["COOKIE ACK", "SACK", "DATA"], "gap 3-3；stream 0 'ok'")
    assert (told["ack"], told["seq"], told["length"]) == (1, 1, 2)


def test_an_old_tsn_is_a_retransmission_whatever_comes_with_it():
    decoder = opened()
    decoder.decode(packet(">", data(">", 1, b"one"), data(">", 2, b"two")), 0)
    told = decoder.decode(packet(">", sack(">", 0), data(">", 2, b"two")), 0)
    assert (told["seq"], told["note"]) == (2, "retransmission")
    assert decoder.decode(packet(">", data(">", 3, b"new")), 0)["note"] == ""


@pytest.mark.parametrize(("chunk", "note"), [
    (SCTPChunkInit(init_tsn=FIRST[">"]), "retransmission"), (SCTPChunkCookieEcho(cookie=b"abcde"), "retransmission"),
    (SCTPChunkShutdown(cumul_tsn_ack=FIRST["<"]), "retransmission"), (SCTPChunkHeartbeatReq(), ""), (sack(">", 1), "")])
def test_the_same_bytes_again(chunk, note):
    decoder = opened()
    decoder.decode(packet(">", chunk), 0)
    assert decoder.decode(packet(">", chunk), 0)["note"] == note


def test_a_new_association_between_the_same_ports_starts_a_new_account():
    decoder = opened()
    decoder.decode(packet(">", data(">", 1, b"one")), 0)
    assert decoder.decode(packet(">", SCTPChunkInit(init_tsn=500_000)), 0)["note"] == ""
    told = decoder.decode(packet(">", SCTPChunkData(tsn=500_000, data=b"one")), 0)
    assert (told["seq"], told["note"]) == (1, "")


def test_tsns_wrap_around(monkeypatch):
    monkeypatch.setitem(FIRST, ">", 2**32 - 1)
    decoder = opened()
    assert [decoder.decode(packet(">", data(">", n, b"x")), 0)["seq"] for n in (1, 2)] == [1, 2]
    assert decoder.decode(packet("<", sack("<", 2)), 0)["ack"] == 2


def test_an_association_seen_from_its_middle_has_no_numbers():
    decoder = Decoder()
    told = decoder.decode(packet(">", data(">", 5, b"x")), 0)
    assert (told["seq"], told["ack"], told["note"], told["info"]) == (None, None, "", "stream 0 'x'")
    told = decoder.decode(packet("<", sack("<", 5, "2:3")), 0)
    assert (told["ack"], told["info"]) == (None, "")


@pytest.mark.parametrize(("chunks", "names"), [
    ([], []),
    ([Raw(bytes([77, 0, 0, 5]) + bytes(4)), data(">", 1, b"x")], ["块 77", "DATA"]),
    ([Raw(bytes([12, 0, 0, 8]) + bytes(4))], ["ECNE"]),
    ([SCTPChunkAuthentication()], ["块 15"]),
    ([Raw(bytes([77, 0, 0, 0]) * 2)], ["块 77", "块 77"]),
    ([Raw(b"abc")], []),
])
def test_chunks_nobody_knows_have_their_number(chunks, names):
    told = opened().decode(packet(">", *chunks), 0)
    assert (told["protocol"], told["flags"], told["note"]) == ("sctp", names, "")


def test_what_is_cut_short_is_only_an_ip_packet():
    for head in (IP(src="10.0.0.1", dst="10.0.0.2", proto=132), IPv6(src="fd00::1", dst="fd00::2", nh=132)):
        told = Decoder().decode(bytes(head / Raw(b"abc")), 0)
        assert (told["protocol"], told["length"]) == ("ip", 3)
