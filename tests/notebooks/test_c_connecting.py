"""第 03 章的 C 程序：与 Python 的写法在网线上走同样的包。"""

from __future__ import annotations

import errno
from select import select
from socket import SO_ERROR, SOL_SOCKET

import pytest

from sockscope import Network, Trace


def listening(net: Network):
    listener = net.server.socket()
    listener.bind((net.server.address, 7007))
    listener.listen()
    return listener


def echo_in_python() -> Trace:
    with Network("client", "server", delay=0.005) as net:
        def serve() -> None:
            conn, _ = listening(net).accept()
            while data := conn.recv(512):
                conn.sendall(data)
            conn.close()

        net.server.spawn(serve)
        sock = net.client.socket()
        sock.connect((net.server.address, 7007))
        sock.sendall(b"hello")
        assert sock.recv(512) == b"hello"
        sock.close()
    return net.trace


def test_echo_looks_the_same_on_the_wire(build, wire):
    with Network("client", "server", delay=0.005) as net:
        server = net.server.program(build("echo_server"), net.server.address, "7007")
        assert server.stdout.readline() == b"ready\n"
        client = net.client.program(build("echo_client"), net.server.address, "7007", "hello")
        assert client.stdout.read() == b"hello"
        assert client.wait() == server.wait() == 0
    assert wire(net.trace) == wire(echo_in_python())


@pytest.mark.parametrize("refused", [False, True], ids=["accepted", "refused"])
def test_connecting_without_blocking_looks_the_same_on_the_wire(refused, build, wire):
    with Network("client", "server", delay=0.005) as net:
        if not refused:
            listening(net)
        program = net.client.program(build("connect_nonblocking"), net.server.address, "7007")
        told = program.stdout.read().splitlines()
        assert told == [b"connect: Operation now in progress",
                        b"SO_ERROR: Connection refused" if refused else b"SO_ERROR: Success"]
        assert program.wait() == refused
    in_c = net.trace
    with Network("client", "server", delay=0.005) as net:
        if not refused:
            listening(net)
        with net.client.socket() as sock:
            sock.setblocking(False)
            assert sock.connect_ex((net.server.address, 7007)) == errno.EINPROGRESS
            select([], [sock], [])
            assert sock.getsockopt(SOL_SOCKET, SO_ERROR) == (errno.ECONNREFUSED if refused else 0)
    assert wire(in_c) == wire(net.trace)


def test_nobody_listens_for_the_echo_client(build):
    with Network("client", "server") as net:
        client = net.client.program(build("echo_client"), net.server.address, "7007", "hello")
        assert client.wait() == 1
        assert client.stderr.read() == b"connect: Connection refused\n"
