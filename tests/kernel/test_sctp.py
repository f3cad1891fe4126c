"""SCTP：这台机器上有的那一种，真的走一条关联；两种都没有，就如实说，并退到录制。"""

from __future__ import annotations

import os
from socket import SHUT_WR

import pytest

from sockscope import experiments
from sockscope.experiments.ch10.associations import associated
from sockscope.live import Network, Unavailable, sctp


@pytest.fixture
def ends():
    """一条关联的两端。在 CI 上没有 SCTP 就是失败；在别处说明缺什么，跳过。"""
    if not sctp.stack():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(sctp.sentence())
    with Network("client", "server", delay=0.002, title="SCTP") as net:
        yield net, *associated(net)


def names(net: Network) -> list[str]:
    """网线上的块，纯 SACK 不算。"""
    return ["+".join(p.flags) for p in net.trace.packets if not p.pure_ack]


def test_four_packets_make_an_association(ends):
    net, _, _ = ends
    assert names(net) == ["INIT", "INIT ACK", "COOKIE ECHO", "COOKIE ACK"]
    assert sctp.TITLES[sctp.stack()] in net.trace.title


def test_messages_keep_their_boundaries_and_streams(ends):
    net, near, far = ends
    near.send(b"one", 1)
    near.send(b"three", 2)
    assert far.recv() == sctp.Message(b"one", 1, True)
    assert far.recv(3) == sctp.Message(b"thr", 2, False)
    assert far.recv() == sctp.Message(b"ee", 2, True)
    data = [p for p in net.trace.packets if p.flags == ["DATA"]]
    assert [(p.seq, p.length, p.info) for p in data] == [(1, 3, "stream 1 'one'"), (2, 5, "stream 2 'three'")]


def test_a_shutdown_takes_three_packets_and_no_program(ends):
    net, near, far = ends
    near.shutdown(SHUT_WR)
    assert far.recv().data == b""
    net.settle()
    assert names(net)[4:] == ["SHUTDOWN", "SHUTDOWN ACK", "SHUTDOWN COMPLETE"]


def test_a_lost_chunk_is_marked_when_it_comes_again(ends):
    net, near, far = ends
    net.cable.drop(match=lambda p: "DATA" in p.flags)
    near.send(b"lost", 0)
    assert far.recv().data == b"lost"
    first, again = (p for p in net.trace.packets if "DATA" in p.flags)
    assert (first.fate, first.note) == ("dropped", "")
    assert (again.fate, again.note) == ("delivered", "retransmission")


def test_a_refusal_carries_its_errno(ends):
    net, _, _ = ends
    lonely = sctp.socket(net.client)
    with pytest.raises(ConnectionRefusedError):
        lonely.connect((net.server.address, 9))
    assert names(net)[-1] == "ABORT"


@pytest.fixture
def without(monkeypatch):
    """假装这台机器两种 SCTP 都没有。"""
    monkeypatch.setattr(sctp, "IPPROTO_SCTP", 300)
    monkeypatch.setattr(sctp, "LIBRARIES", ("libno-such-library.so",))


@pytest.mark.usefixtures("without")
def test_without_any_sctp_there_is_a_remedy(net):
    with pytest.raises(Unavailable, match="apt install libusrsctp2"):
        sctp.socket(net.client)


@pytest.mark.usefixtures("without")
def test_without_any_sctp_the_recording_is_shown():
    trace = experiments.get("association").observe()
    assert trace.label == "录制"
    assert trace == experiments.recording("association")
