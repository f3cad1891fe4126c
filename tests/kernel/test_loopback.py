"""主机自己的 127.0.0.1：同一台主机上的两头，在轨迹里是两列。"""

from __future__ import annotations

import socket
import sys

import pytest
from tests.kernel.census import Census, children, wait_until

from sockscope.live import Network, stock
from sockscope.live.namespace import _forge
from sockscope.render import svg, text
from sockscope.trace import Packet, dumps, loads

ASKS = "import socket; s = socket.create_connection(('127.0.0.1', 7)); s.sendall(b'hello'); s.recv(9); s.close()"


def echo(host):
    """在 host 的 127.0.0.1 上听，答一次。"""
    def serve() -> None:
        listener = host.socket()
        listener.bind(("127.0.0.1", 7))
        listener.listen()
        conn, _ = listener.accept()
        while data := conn.recv(100):
            conn.sendall(data)
        conn.close()
    host.spawn(serve)


def flags(packet: Packet) -> str:
    return "+".join(f for f in packet.flags if f != "PSH")


@pytest.mark.parametrize("name", ["client", "server"])
def test_two_ends_on_one_host(name):
    with Network("client", "server", delayed_ack=False) as net:
        host = net[name]
        host.watch_loopback()
        echo(host)
        sock = host.socket()
        sock.connect(("127.0.0.1", 7))
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"
        sock.close()
    trace = net.trace
    left, right = ("client·lo", "client") if name == "client" else ("server", "server·lo")
    assert [h.name for h in trace.hosts] == [left, right]
    assert [c.ends for c in trace.cables] == [[left, right]]
    assert [(p.src, flags(p)) for p in trace.packets][:4] == [(left, "SYN"), (right, "SYN+ACK"), (left, "ACK"), (left, "ACK")]
    assert [p.payload for p in trace.packets if p.length] == [b"hello", b"hello"]
    assert all(p.end >= p.t for p in trace.packets)
    assert {c.name for c in trace.calls if c.host == right} == {"bind", "listen", "accept", "recv", "sendall", "close"}
    assert [c.name for c in trace.calls if c.host == left] == ["connect", "sendall", "recv", "close"]
    assert trace.states_of(left)[0] in ("SYN_SENT", "ESTABLISHED")
    assert trace.states_of(left)[-1] == "TIME_WAIT"
    assert "LISTEN" in [s.state for s in trace.states if s.host == right]
    assert loads(dumps(trace)) == trace
    assert "127.0.0.1:7" in text.render(trace)
    svg.render(trace)


def test_the_axis_is_the_same(net):
    net.client.watch_loopback()
    with net.client.socket(type=socket.SOCK_DGRAM) as one, net.client.socket(type=socket.SOCK_DGRAM) as two:
        one.bind(("127.0.0.1", 7))
        two.sendto(b"x", ("127.0.0.1", 7))
        one.recv(9)
    sent, got = (next(c for c in net.trace.calls if c.name == name) for name in ("sendto", "recv"))
    packet, = net.trace.packets
    assert sent.t <= packet.t <= packet.end <= sent.end
    assert (sent.host, got.host, packet.src, packet.dst) == ("client·lo", "client", "client·lo", "client")  # 同一个线程，两头


def test_a_proxy_stands_between():
    """客户端上的程序经本机的代理到服务器：从左到右正好是先后，两根线上的包都在。"""
    with Network("client", "server", delayed_ack=False) as net:
        net.client.watch_loopback()
        far = net.server.socket()
        far.bind((net.server.address, 80))
        far.listen()

        def proxy() -> None:
            listener = net.client.socket()
            listener.bind(("127.0.0.1", 7))
            listener.listen()
            near, _ = listener.accept()
            onward = net.client.socket()
            onward.connect((net.server.address, 80))
            onward.sendall(near.recv(100))

        net.client.spawn(proxy)
        sock = net.client.socket()
        sock.connect(("127.0.0.1", 7))
        sock.sendall(b"through")
        conn, _ = far.accept()
        assert conn.recv(100) == b"through"
        net.settle()
        net.cable.cut()
        trace = net.trace
    assert [h.name for h in trace.hosts] == ["client·lo", "client", "server"]
    assert [c.ends for c in trace.cables] == [["client·lo", "client"], ["client", "server"]]
    assert [(p.cable, p.src, p.dst) for p in trace.packets if p.payload == b"through"] == [
        (0, "client·lo", "client"), (1, "client", "server")]
    assert {c.thread for c in trace.calls if c.host == "client"} == {"proxy"}
    assert next(e.where for e in trace.events if e.kind == "action") == "cable1"
    assert len({p.number for p in trace.packets}) == len(trace.packets)


def test_programs_that_know_nothing(net):
    """不改一个字的程序，连的是 127.0.0.1。"""
    net.client.watch_loopback()
    echo(net.client)
    program = net.client.program(sys.executable, "-IS", "-c", ASKS)
    assert program.wait() == 0
    net.settle()
    assert [p.payload for p in net.trace.packets if p.length] == [b"hello", b"hello"]


def test_refused(net):
    net.client.watch_loopback()
    assert net.client.socket().connect_ex(("127.0.0.1", 7)) != 0
    assert [flags(p) for p in net.trace.packets] == ["SYN", "RST+ACK"]
    assert net.trace.packets[0].src == net.trace.packets[1].dst == "client·lo"


def test_nothing_said_nothing_drawn(net):
    net.client.watch_loopback()
    net.client.watch_loopback()  # 再说一遍，还是那一个
    assert [h.name for h in net.trace.hosts] == ["client", "server"]


def test_a_host_in_the_middle_has_no_room():
    with Network("client", "router", "server") as net, pytest.raises(ValueError, match="头一台或末一台"):
        net.router.watch_loopback()


def test_it_leaves_nothing_behind():
    with Network("client", "server"):
        stock.discard()
    wait_until(lambda: not children(_forge.process.pid))  # 以前的主机都走了，再清点
    before = Census.take()
    with Network("client", "server") as net:
        net.client.watch_loopback()
        net.server.watch_loopback()
    wait_until(lambda: Census.take() == before)
    assert net.trace == net.trace
