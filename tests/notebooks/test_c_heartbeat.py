"""第 06 章的 C 程序：保活与心跳，与 Python 的写法在网线上走同样的包。"""

from __future__ import annotations

import errno
from select import select
from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL

import pytest

from sockscope import Network, Trace
from sockscope.experiments import connected


def listening(net: Network):
    listener = net.server.socket()
    listener.bind((net.server.address, 7007))
    listener.listen()
    return listener


def keepalive_in_python() -> Trace:
    with Network("client", "server", delay=0.005) as net:
        near, _far = connected(net)
        net.settle()
        near.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        for option in (TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT):
            near.setsockopt(IPPROTO_TCP, option, 1)
        net.cable.cut()
        with pytest.raises(TimeoutError) as caught:
            near.recv(64)
        assert caught.value.errno == errno.ETIMEDOUT
        net.settle()
    return net.trace


def test_keepalive_looks_the_same_on_the_wire(build, wire):
    with Network("client", "server", delay=0.005) as net:
        listener = listening(net)
        client = net.client.program(build("keepalive_client"), net.server.address, "7007", "1", "1", "1")
        listener.accept()
        assert client.stdout.readline() == b"watching\n"
        net.settle()
        net.cable.cut()
        assert client.stderr.read() == b"recv: Connection timed out\n"
        assert client.wait() == 1
        net.settle()
    assert wire(net.trace) == wire(keepalive_in_python())


def test_a_peer_that_says_goodbye_needs_no_keepalive(build):
    with Network("client", "server", delay=0.005) as net:
        listener = listening(net)
        client = net.client.program(build("keepalive_client"), net.server.address, "7007", "1", "1", "1")
        listener.accept()[0].close()
        assert client.stdout.read() == b"watching\nclosed\n"
        assert client.wait() == 0


def heartbeat(sock, period: float, limit: int) -> str:
    asked = 0
    while True:
        if select([sock], [], [], period)[0]:
            if not sock.recv(4096):
                return "closed"
            asked = 0
        elif asked == limit:
            return "dead"
        else:
            sock.sendall(b"ping\n")
            asked += 1


def heartbeat_in_python() -> Trace:
    with Network("client", "server", delay=0.005) as net:
        near, far = connected(net)

        def serve() -> None:
            questions = far.makefile("rb")
            for _ in range(2):
                questions.readline()
                far.sendall(b"pong\n")

        net.server.spawn(serve)
        assert heartbeat(near, 0.3, 3) == "dead"
        near.close()
    return net.trace


def test_the_heartbeat_looks_the_same_on_the_wire(build, wire):
    with Network("client", "server", delay=0.005) as net:
        server = net.server.program(build("heartbeat_server"), net.server.address, "7007", "2")
        assert server.stdout.readline() == b"ready\n"
        client = net.client.program(build("heartbeat_client"), net.server.address, "7007", "300", "3")
        assert client.stdout.read() == b"dead\n"
        assert client.wait() == 0
    assert wire(net.trace) == wire(heartbeat_in_python())


def test_the_heartbeat_tells_leaving_from_dying(build):
    with Network("client", "server", delay=0.005) as net:
        listener = listening(net)
        client = net.client.program(build("heartbeat_client"), net.server.address, "7007", "300", "3")
        listener.accept()[0].close()
        assert client.stdout.read() == b"closed\n"
