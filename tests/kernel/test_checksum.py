"""替内核算校验和的网口：包一字不差，6.11 之前的内核因此也切得开 UDP_SEGMENT。"""

from __future__ import annotations

import platform
import struct
from typing import Any

import pytest
import scapy.layers.inet
import scapy.layers.inet6

from sockscope import experiments
from sockscope.experiments import connected
from sockscope.live import Network, checksum
from sockscope.trace import compare


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
    monkeypatch.setattr(checksum, "needed", lambda: True)
    wanted = experiments.get("segmenting")
    assert compare(wanted.recorded(**values), wanted.run(**values)) is None


@pytest.mark.parametrize(("release", "needed"), [
    ("6.1.0-50-686", True), ("6.10.9", True), ("6.11.0", False), ("6.18.44", False), ("7.0", False), ("5.15.0", True),
    ("?", False)])
def test_only_older_kernels_need_it(monkeypatch, release, needed):
    monkeypatch.setattr(platform, "release", lambda: release)
    checksum.needed.cache_clear()
    try:
        assert checksum.needed() is needed
    finally:
        checksum.needed.cache_clear()


@pytest.mark.parametrize(("place", "zero"), [(6, b"\xff\xff"), (16, b"\0\0")])
def test_a_sum_of_zero_is_written_as_the_protocol_wants(place, zero):
    """UDP 的 0 是“没有校验和”，所以写 0xffff；TCP 的 0 就是 0。"""
    body = bytearray(20)
    body[place:place + 2] = b"\xff\xff"
    message = struct.pack("=BBHHHH", 1, 0, 0, 0, 0, place) + bytes(body)
    assert checksum.completed(message)[place:place + 2] == zero


def test_what_the_kernel_finished_is_left_alone():
    assert checksum.completed(checksum.BLANK + b"whole") == b"whole"
