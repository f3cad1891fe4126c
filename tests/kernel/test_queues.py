"""队列的道：接收队列、发送队列、全连接队列里有多少，对着包和调用变；是内核说的，不是推算的。"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from sockscope import Network
from sockscope.render import svg, text
from sockscope.render.queues import tracks
from sockscope.render.words import explain
from sockscope.trace import Queue, Trace, TraceError, dumps, loads

BARS = re.compile(r'<rect class="receive" x="[0-9.]+" y="[0-9.]+" height="[0-9.]+" width="([0-9.]+)"')


@pytest.fixture
def net() -> Iterator[Network]:
    with Network("client", "server", queues=("receive", "send", "accept")) as made:
        yield made


def sizes(trace: Trace, host: str, label: str, queue: str) -> list[int | None]:
    """一个队列先后有多少；关了是 None。"""
    return [e.size for e in trace.queues if (e.host, e.socket, e.queue) == (host, label, queue)]


def connection(net: Network) -> tuple[socket.socket, socket.socket]:
    listener = net.server.socket()
    listener.bind((net.server.address, 7))
    listener.listen()
    near = net.client.socket()
    near.connect((net.server.address, 7))
    net.settle()
    far, _ = listener.accept()
    return near, far


def test_what_arrived_stays_until_it_is_read(net):
    near, far = connection(net)
    near.send(b"abcde")
    net.settle()
    far.recv(2)
    far.recv(9)
    far.close()
    assert sizes(net.trace, "server", "s2", "receive") == [5, 3, 0, None]


def test_what_was_sent_stays_until_it_is_acknowledged(net):
    near, _far = connection(net)
    near.send(bytes(700))
    net.settle()
    assert sizes(net.trace, "client", "s1", "send") == [700, 0]
    acknowledged = next(p.end for p in net.trace.sent_by("server") if p.ack == 701)
    emptied = [e.t for e in net.trace.queues if e.queue == "send"][-1]
    assert emptied >= acknowledged


def test_connections_wait_for_accept(net):
    listener = net.server.socket()
    listener.bind((net.server.address, 7))
    listener.listen(4)
    for _ in range(3):
        net.client.socket().connect((net.server.address, 7))
    net.settle()
    for _ in range(3):
        listener.accept()
    assert sizes(net.trace, "server", "s1", "accept") == [1, 2, 3, 2, 1, 0]


def test_only_what_was_asked_for_is_looked_at():
    with Network("client", "server", queues=("receive",)) as net:
        near, _far = connection(net)
        near.send(b"a")
        net.settle()
        assert {e.queue for e in net.trace.queues} == {"receive"}
    with Network("client", "server") as net:
        near, _far = connection(net)
        near.send(b"a")
        net.settle()
        assert net.trace.queues == []


def test_an_unknown_queue_is_a_sentence():
    with pytest.raises(ValueError, match="'recieve' 不是 receive、send、accept 之一"):
        Network("client", "server", queues=("recieve",))


@pytest.mark.parametrize("style", ["wide", "narrow"])
def test_each_change_is_drawn_once_as_wide_as_it_is(net, style):
    near, far = connection(net)
    near.send(bytes(1000))
    net.settle()
    far.recv(750)
    near.send(b"")
    net.settle()
    drawn = svg.render(net.trace, width=style)
    assert drawn.count('class="queue"') == len(net.trace.queues) + len({e.queue for e in net.trace.queues})  # 图例里各有一个
    found = {track.queue: track for tracked in tracks(net.trace).values() for track in tracked}
    assert {kind: track.most for kind, track in found.items()} == {"receive": 1000, "send": 1000, "accept": 1}
    bars = [float(wide) for wide in BARS.findall(drawn)]
    assert bars[1] / bars[0] == pytest.approx(0.25, abs=0.02)


def test_it_is_told_in_words_and_kept_in_the_file(net):
    near, _far = connection(net)
    near.send(bytes(1000))
    net.settle()
    trace = net.trace
    told = text.render(trace)
    assert "<s2 接收 1000 B>" in told
    assert "<s1 全连接 1 条>" in told
    assert "服务器的 s2 接收队列 1000 B" in text.spoken(trace, {})
    index = next(i for i, e in enumerate(trace.events) if isinstance(e, Queue) and e.queue == "receive")
    assert explain(trace, index)["title"] == "服务器：s2 接收队列 1000 B"
    assert loads(dumps(trace)).queues == trace.queues
    assert not [line for line in trace.canonical() if "receive" in line]
    with pytest.raises(TraceError, match="不是 receive、send、accept 之一"):
        loads(dumps(trace).replace('"queue":"receive"', '"queue":"recieve"').replace('"queue": "receive"', '"queue": "recieve"'))
