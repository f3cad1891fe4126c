"""就绪的道：每个套接字的 poll(2) 掩码，对着包和调用变；是内核说的，不是推算的。"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sockscope import Network
from sockscope.render import svg, text
from sockscope.render.tracks import tracks
from sockscope.trace import Ready, Trace, dumps, loads


@pytest.fixture
def net() -> Iterator[Network]:
    with Network("client", "server", readiness=True) as made:
        yield made


def masks(trace: Trace, host: str, label: str) -> list[str]:
    """一个套接字先后的掩码；关了写成 ``x``。"""
    return ["x" if ready.mask is None else " ".join(ready.mask) or "-" for ready in trace.readiness
            if (ready.host, ready.socket) == (host, label)]


def connection(net: Network, port: int = 7) -> tuple[socket.socket, socket.socket]:
    listener = net.server.socket()
    listener.bind((net.server.address, port))
    listener.listen()
    near = net.client.socket()
    near.connect((net.server.address, port))
    net.settle()
    far, _ = listener.accept()
    return near, far


def test_data_makes_it_readable_and_reading_ends_that(net):
    near, far = connection(net)
    near.send(b"ab")
    net.settle()
    far.recv(1)
    far.recv(1)
    assert masks(net.trace, "server", "s2") == ["OUT", "IN OUT", "OUT"]


def test_a_listener_is_readable_while_somebody_waits_in_its_queue(net):
    connection(net)
    assert masks(net.trace, "server", "s1") == ["OUT HUP", "-", "IN", "-"]


def test_a_full_buffer_is_not_writable_until_the_peer_has_read(net):
    near, far = connection(net)
    far.setblocking(False)
    while masks(net.trace, "server", "s2")[-1] == "OUT":
        far.send(bytes(65536))
        net.settle()
    full = masks(net.trace, "server", "s2")
    while masks(net.trace, "server", "s2")[-1] == "-":
        near.recv(1 << 20)
        net.settle()
    assert masks(net.trace, "server", "s2") == [*full, "OUT"]


def test_the_ends_of_a_connection(net):
    near, far = connection(net)
    near.shutdown(socket.SHUT_WR)
    net.settle()
    far.close()
    net.settle()
    assert masks(net.trace, "server", "s2") == ["OUT", "IN OUT RDHUP", "x"]
    assert masks(net.trace, "client", "s1")[-1] == "IN OUT RDHUP HUP"


def test_a_reset_is_an_error_until_it_has_been_told(net):
    near, far = connection(net)
    near.send(b"x")
    net.settle()
    far.close()
    net.settle()
    with pytest.raises(ConnectionResetError):
        near.recv(1)
    assert [mask for mask in masks(net.trace, "client", "s1") if "ERR" in mask] == ["IN OUT RDHUP HUP ERR"]
    assert masks(net.trace, "client", "s1")[-1] == "IN OUT RDHUP HUP"


def test_datagrams_and_unix_sockets_have_a_track_too(net):
    one, two = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM), net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
    two.bind((net.server.address, 9))
    one.sendto(b"x", (net.server.address, 9))
    net.settle()
    two.recv(1)
    three, four = (net.server.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
    four.bind(f"{net.folder}four")
    three.sendto(b"x", f"{net.folder}four")
    four.recv(1)
    assert masks(net.trace, "server", "s1") == ["OUT", "IN OUT", "OUT"]
    assert masks(net.trace, "server", "s3") == ["OUT", "IN OUT", "OUT"]


def test_without_asking_there_is_none_and_the_canonical_form_is_the_same():
    traces = []
    for readiness in (True, False):
        with Network("client", "server", readiness=readiness) as net:
            near, far = connection(net)
            near.send(b"x")
            far.recv(1)
        traces.append(net.trace)
    assert traces[0].readiness
    assert not traces[1].readiness
    assert traces[0].canonical() == traces[1].canonical()


def test_without_a_cable_the_calls_are_enough():
    with Network("client", "server", readiness=True, capture="loopback") as net:
        near, far = connection(net, 7007)
        near.send(b"x")
        far.recv(1)
    assert "OUT" in masks(net.trace, "client", "s1")


def test_it_can_be_drawn_saved_and_read(net):
    near, _far = connection(net)
    near.send(b"x")
    net.settle()
    trace = net.trace
    assert loads(dumps(trace)) == trace
    assert "{s2 IN OUT}" in text.render(trace)
    assert "服务器的 s2 准备好了 IN、OUT" in text.spoken(trace)
    wide, narrow = svg.render(trace), svg.render(trace, width="narrow")
    drawn = [i for i, e in enumerate(trace.events) if isinstance(e, Ready)]
    assert {m.index for found in tracks(trace).values() for track in found for m in track.moments} == set(drawn)
    for picture in (wide, narrow):
        assert all(f'<g class="ready" data-event="{i}"' in picture for i in drawn)
        assert "IN 可读" in picture
        assert "HUP 挂断" in picture
        assert "ERR 出错" not in picture


def test_many_sockets_share_the_room_they_have(net):
    listener = net.server.socket()
    listener.bind((net.server.address, 7))
    listener.listen()
    kept = []
    for _ in range(12):
        kept.append(net.client.socket())
        kept[-1].connect((net.server.address, 7))
    for picture in (svg.render(net.trace), svg.render(net.trace, width="narrow")):
        assert picture.count('class="ready"') >= 12
