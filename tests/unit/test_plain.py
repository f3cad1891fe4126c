"""朴素的包两种读法一样：定长的头直接读，与请 scapy 读，一个字段也不差；坏了的包也是。"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from sockscope import experiments
from sockscope.live.decode import Decoder
from sockscope.live.plain import datagram, segment

NAMES = experiments.names(recorded=True)


def packets(name: str) -> Iterator[tuple[bytes, int]]:
    """一个实验缺省的录制里的包：字节，在哪根网线上。"""
    for packet in experiments.recording(name).packets:
        yield bytes.fromhex(packet.raw), packet.cable


@pytest.mark.parametrize("name", NAMES)
def test_both_ways_read_the_same(name):
    quick, slow = Decoder(), Decoder()
    for raw, cable in packets(name):
        assert quick.decode(raw, cable) == slow._dissected(raw, cable)


def test_most_packets_of_the_book_are_plain():
    """网线上来来往往的多半是它们；SYN、带 SACK 的、ICMP 才请 scapy。"""
    every = [raw for name in NAMES for raw, _ in packets(name)]
    plain = [raw for raw in every if segment(raw) or datagram(raw)]
    assert len(plain) > len(every) / 2


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_packet_reads_the_same_either_way(seed):
    dice = random.Random(seed)
    for raw, cable in packets("half_close"):
        broken = bytearray(raw)
        for _ in range(dice.randrange(1, 4)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        broken = bytes(broken[:dice.randrange(20, len(broken) + 1)])
        if segment(broken) or datagram(broken):
            assert Decoder().decode(broken, cable) == Decoder()._dissected(broken, cable)
