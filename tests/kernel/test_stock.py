"""备用的主机：用得上就用，用不上就收走，什么也不留下。"""

from __future__ import annotations

import os
import socket

import pytest

from sockscope import experiments
from sockscope.live import Network, stock
from sockscope.live.plan import Plan

from .census import Census, children, wait_until


@pytest.fixture(autouse=True)
def empty():
    """先热身（工坊要先在），最后收走备用。"""
    Network("client", "server").close()
    yield
    stock.discard()


def prepared(count: int = 2) -> list:
    stock.prepare(Plan.row(count, quickack=False, rto_min=0))
    return [namespace for _, namespace in stock._kept]


def test_the_next_network_takes_the_prepared_hosts():
    ready = prepared()
    with Network("client", "server") as net:
        assert [host.namespace for host in net.hosts.values()] == ready
        listener = net.server.socket()
        listener.bind((net.server.address, 7))
        listener.listen()
        net.client.socket().connect((net.server.address, 7))
    assert stock._kept == []


@pytest.mark.parametrize("other", [{"delayed_ack": False}, {"rto_min": 1.0}], ids=str)
def test_a_network_of_another_kind_leaves_them_alone(other):
    ready = prepared()
    with Network("client", "server", **other) as net:
        assert not {host.namespace for host in net.hosts.values()} & set(ready)


def test_what_is_not_used_is_taken_away():
    before = Census.take()
    prepared(2)
    prepared(3)
    wait_until(lambda: len(children(os.getpid())) == before.processes + 3)
    stock.discard()
    before.wait_to_return()


def test_a_forked_child_holds_none_of_them():
    prepared()
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, bytes([len(stock._kept)]))
        os._exit(0)
    os.wait()
    assert os.read(reader, 1) == b"\0"
    os.close(reader)
    os.close(writer)


def test_an_experiment_prepares_the_hosts_it_will_take():
    closing = experiments.get("closing")
    closing.prepare()
    assert len(stock._kept) == 2
    closing.run()
    assert stock._kept == []


@pytest.mark.slow
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=lambda f: f.name)
@pytest.mark.parametrize(("hosts", "delayed"), [
    (("client", "server"), True), (("client", "server"), False), (("client", "router", "server"), False)],
    ids=["delayed", "quick", "routed"])
def test_rto_min_keeps_a_late_ack_from_looking_like_a_loss(family, hosts, delayed):
    """确认晚了 0.4 秒：缺省的内核（0.2 秒）重传了，抬高下限的没有；隔着路由器也一样。"""
    def retransmissions(rto_min: float) -> int:
        with Network(*hosts, rto_min=rto_min, delayed_ack=delayed) as net:
            address = net.server.address if family == socket.AF_INET else net.server.address6
            listener, near = net.server.socket(family), net.client.socket(family)
            listener.bind((address, 7))
            listener.listen()
            near.connect((address, 7))
            far, _ = listener.accept()
            net.cable.detain(0.4, match=lambda p: p.length > 0)
            near.send(b"late")
            assert far.recv(10) == b"late"
            net.settle()
            return sum(p.note == "retransmission" for p in net.trace.packets)
    assert retransmissions(0) >= 1
    assert retransmissions(2.0) == 0
