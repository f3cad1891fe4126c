"""每个脚本一台真的内核，一只手，中间一根网线。"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sockscope.live import Network, capability

from .peer import Peer, letters

STILL = 60.0  # 重传定时器的下限，秒：脚本里的应答不论多慢，都不会招来重传


@pytest.fixture(scope="session", autouse=True)
def cable() -> None:
    """这台机器能造网线；不能则照实说。"""
    found = capability("" if os.environ.get("SOCKSCOPE_CAPTURE") != "recording" else "loopback")
    if found.level != "cable":
        (pytest.fail if os.environ.get("CI") else pytest.skip)(found.sentence)


@pytest.fixture
def peer() -> Iterator[Peer]:
    """重传定时器停着、确认不推迟的内核：结果不看快慢。做完以后内核没有别的话，轨迹与手读到的一样。"""
    with Network("kernel", "peer", delayed_ack=False, rto_min=STILL) as net:
        peer = Peer(net)
        yield peer
        peer.quiet()
        agree(peer)


@pytest.fixture
def ticking() -> Iterator[Peer]:
    """内核自己的定时器：脚本要等的正是它们。"""
    with Network("kernel", "peer") as net:
        peer = Peer(net, ticking=True)
        yield peer
        agree(peer)


def agree(peer: Peer) -> None:
    """仪器认出来的每一个段，标志、长度、相对的序号与确认号都和手自己数的一样。"""
    peer.wires.packets()
    for passage, heard in peer.told:
        packet = passage.packet()
        assert (letters(packet.flags), packet.length) == (set(heard.flags), heard.length)
        assert packet.seq in (None, heard.seq), (packet, heard)
        assert packet.ack in (None, heard.ack), (packet, heard)
