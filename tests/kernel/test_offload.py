"""替内核做事的网口：算校验和的，包一字不差，6.11 之前的内核因此也切得开 UDP_SEGMENT；切段的，轨迹里照样一段一个包。"""

from __future__ import annotations

import itertools
import platform
import struct
from typing import Any

import pytest
import scapy.layers.inet
import scapy.layers.inet6

from sockscope import experiments
from sockscope.experiments import connected
from sockscope.live import Network, offload
from sockscope.live.cable import Passage
from sockscope.tcp import violations
from sockscope.trace import Trace, compare

from .census import wait_until


def whole(raw: bytes) -> Any:
    """scapy 照字段重算一遍校验和的包。"""
    packet = scapy.layers.inet.IP(raw) if raw[0] >> 4 == 4 else scapy.layers.inet6.IPv6(raw)
    del packet.payload.chksum
    return bytes(packet)


@pytest.mark.parametrize("family", ["address", "address6"])
def test_every_packet_has_the_checksum_it_should(family):
    with Network("client", "server", checksums=True) as net:
        where = getattr(net.server, family), 7
        kind = {"address": 2, "address6": 10}[family]
        far, near = net.server.socket(kind, 2), net.client.socket(kind, 2)
        far.bind(where)
        for size in range(5):
            near.sendto(b"odd"[:size] + bytes(size), where)
        if family == "address":
            one, other = connected(net)
            one.send(b"abc")
            assert other.recv(64) == b"abc"
        net.settle()
    assert net.trace.packets
    for packet in net.trace.packets:
        raw = bytes.fromhex(packet.raw)
        assert raw == whole(raw)


@pytest.mark.parametrize("values", experiments.get("segmenting").variants(), ids=str)
def test_the_experiment_is_the_same_either_way(monkeypatch, values):
    monkeypatch.setattr(offload, "needed", lambda: True)
    wanted = experiments.get("segmenting")
    assert compare(wanted.recorded(**values), wanted.run(**values)) is None


@pytest.mark.parametrize(("release", "needed"), [
    ("6.1.0-50-686", True), ("6.10.9", True), ("6.11.0", False), ("6.18.44", False), ("7.0", False), ("5.15.0", True),
    ("?", False)])
def test_only_older_kernels_need_it(monkeypatch, release, needed):
    monkeypatch.setattr(platform, "release", lambda: release)
    offload.needed.cache_clear()
    try:
        assert offload.needed() is needed
    finally:
        offload.needed.cache_clear()


@pytest.mark.parametrize(("place", "zero"), [(6, b"\xff\xff"), (16, b"\0\0")])
def test_a_sum_of_zero_is_written_as_the_protocol_wants(place, zero):
    """UDP 的 0 是“没有校验和”，所以写 0xffff；TCP 的 0 就是 0。"""
    body = bytearray(20)
    body[place:place + 2] = b"\xff\xff"
    message = struct.pack("=BBHHHH", 1, 0, 0, 0, 0, place) + bytes(body)
    assert offload.completed(message)[place:place + 2] == zero


def test_what_the_kernel_finished_is_left_alone():
    assert offload.completed(offload.BLANK + b"whole") == b"whole"


# ---------------------------------------------------------------- 切段与合段

AMOUNT = 200_000


def transfer(family: str = "address", amount: int = AMOUNT, **temper: float) -> Trace:
    """客户端发 ``amount`` 个字节，服务器收完。"""
    content = (bytes(range(256)) * (amount // 256 + 1))[:amount]
    with Network("client", "server", offload=True) as net:
        for name, value in temper.items():
            setattr(net.cable, name, value)
        kind = {"address": 2, "address6": 10}[family]
        listener, near = net.server.socket(kind), net.client.socket(kind)
        listener.bind((getattr(net.server, family), 7))
        listener.listen()
        near.connect(listener.getsockname()[:2])
        far, _ = listener.accept()
        sending = net.client.spawn(near.sendall, content)
        got = b""
        while len(got) < amount:
            got += far.recv(65536)
        sending.join()
        near.close()
        far.close()
        net.settle()
        assert got == content
        assert any(p.burst for p in net.wires.passages), "内核一次也没有交出一整串"
    return net.trace


@pytest.mark.parametrize("family", ["address", "address6"])
def test_a_burst_is_its_segments_in_the_trace(family):
    trace = transfer(family)
    data = [p for p in trace.packets if p.src == "client" and p.length]
    assert max(p.length for p in data) <= 1448
    assert [p.number for p in trace.packets] == list(range(1, len(trace.packets) + 1))
    assert {p.fate for p in trace.packets} == {"delivered"}
    assert all(p.end is not None for p in trace.packets)
    fresh = [p for p in data if not p.note]
    assert sum(p.length for p in fresh) == AMOUNT
    assert all(one.extent.stop == two.extent.start for one, two in itertools.pairwise(fresh))
    for packet in trace.packets:
        raw = bytes.fromhex(packet.raw)
        if packet.protocol == "tcp":
            assert raw == whole(raw)
    assert sum("FIN" in p.flags for p in trace.packets if p.src == "client") == 1
    assert violations(trace) == []


def test_a_cable_that_loses_loses_single_segments():
    trace = transfer(loss=0.02, delay=0.001)
    lost = [p for p in trace.packets if p.fate == "lost"]
    assert lost
    assert max(p.length for p in lost) <= 1448
    assert any(p.note == "retransmission" for p in trace.packets)


def test_a_narrow_cable_queues_single_segments():
    trace = transfer(amount=20_000, bandwidth=1e6, queue=1)
    assert max(p.length for p in trace.packets) <= 1448
    assert any(p.fate == "overflow" for p in trace.packets)


def test_the_trace_may_be_read_while_a_burst_is_on_its_way():
    with Network("client", "server", offload=True, delay=0.05) as net:
        one, other = connected(net)
        one.sendall(bytes(10_000))
        wait_until(lambda: any(p.length for p in net.trace.packets))
        early = [p for p in net.trace.packets if p.length]
        net.settle()
        landed = [p for p in net.trace.packets if p.length]
    assert [(p.number, p.raw) for p in landed[:len(early)]] == [(p.number, p.raw) for p in early]
    assert all(p.end is not None for p in landed)
    assert other


def test_a_burst_that_has_been_taken_apart_still_arrives_as_one():
    head = bytes.fromhex("4500006400010000400600000a0000010a000002") + bytes(12) + bytes([0x50, 0x10]) + bytes(6)
    message = struct.pack("=BBHHHH", 1, 1, 40, 20, 20, 16) + head + bytes(60)
    passage = Passage(5, 0, "client", "server", b"", 0, burst=offload.Burst(message), whole=True)
    assert passage.count == 3
    early = passage.spread()
    passage.arrive(7)
    assert [(p.number, p.end) for p in early] == [(5, 7), (6, 7), (7, 7)]
    passage.lose()
    assert {p.fate for p in early} == {"cut"}


def test_cutting_the_cable_loses_the_whole_burst():
    with Network("client", "server", offload=True, delay=0.2) as net:
        one, _other = connected(net)
        one.sendall(bytes(10_000))
        wait_until(lambda: any(p.length for p in net.trace.packets))
        net.cable.cut()
        net.settle()
        fates = {p.fate for p in net.trace.packets if p.length and not p.note}
    assert fates == {"cut"}
