"""每个脚本一台真的内核，一只手，中间一根网线。"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from tests.tshark import differences

from sockscope.live import Network, capability
from sockscope.trace import Trace

from .peer import Peer, letters

STILL = 60.0  # 重传定时器的下限，秒：脚本里的应答不论多慢，都不会招来重传


@pytest.fixture(scope="session", autouse=True)
def cable() -> None:
    """这台机器能造网线；不能则照实说。"""
    found = capability("" if os.environ.get("SOCKSCOPE_CAPTURE") != "recording" else "loopback")
    if found.level != "cable":
        (pytest.fail if os.environ.get("CI") else pytest.skip)(found.sentence)


REASONS = {
    "窗口关着时 Linux 的探测不带数据，tshark 把它叫作保活，也就不认得对它的应答":
        lambda p: (p.ours - p.theirs, p.theirs - p.ours) in (({"window probe"}, {"keepalive"}), ({"window probe ack"}, set())),
    "重传的数据早已确认，只有跟着的 FIN 是新的：我们不说多余，tshark 只看数据":
        lambda p: p.theirs - p.ours == {"spurious retransmission"} and "FIN" in p.packet.flags,
    "没有人问，先来了一个 SYN+ACK；后来的 SYN 序号与它相同，tshark 说是重传":
        lambda p: (p.ours, p.theirs) == (set(), {"retransmission"}) and p.packet.flags == ["SYN"],
    "带着更旧的时间戳又来一遍的段，tshark 不叫重传":
        lambda p: (p.ours, p.theirs) == ({"retransmission"}, set()) and "Timestamp" in p.packet.options,
}


@pytest.fixture(scope="module", autouse=True)
def traces() -> Iterator[list[Trace]]:
    """这个文件里全部场景的轨迹：末了请 tshark 也读一遍（``tests/tshark.py``）。"""
    found: list[Trace] = []
    yield found
    if os.environ.get("CI") or shutil.which("tshark"):
        assert list(differences(found, REASONS.values())) == []


@pytest.fixture
def peer(traces: list[Trace]) -> Iterator[Peer]:
    """重传定时器停着、确认不推迟的内核：结果不看快慢。做完以后内核没有别的话，轨迹与手读到的一样。"""
    with Network("kernel", "peer", delayed_ack=False, rto_min=STILL) as net:
        peer = Peer(net)
        yield peer
        peer.quiet()
        agree(peer)
        traces.append(net.trace)


@pytest.fixture
def ticking(traces: list[Trace]) -> Iterator[Peer]:
    """内核自己的定时器：脚本要等的正是它们。"""
    with Network("kernel", "peer") as net:
        peer = Peer(net, ticking=True)
        yield peer
        agree(peer)
        traces.append(net.trace)


def agree(peer: Peer) -> None:
    """仪器认出来的每一个段，标志、长度、相对的序号与确认号都和手自己数的一样。"""
    peer.wires.packets()
    for passage, heard in peer.told:
        packet = passage.packet()
        assert (letters(packet.flags), packet.length) == (set(heard.flags), heard.length)
        assert packet.seq in (None, heard.seq), (packet, heard)
        assert packet.ack in (None, heard.ack), (packet, heard)
