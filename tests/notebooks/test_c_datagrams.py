"""第 08 章的 C 程序：与 Python 的写法在网线上走同样的包。组成员报告何时发出是内核的事，不比。"""

from __future__ import annotations

import ctypes
from socket import (
    AF_INET,
    IP_ADD_MEMBERSHIP,
    IP_MULTICAST_IF,
    IPPROTO_IP,
    SO_BROADCAST,
    SOCK_DGRAM,
    SOL_SOCKET,
    inet_aton,
)

import pytest

from sockscope import Network

GROUP = "239.7.7.7"


@pytest.fixture
def letters(wire):
    """规范形式里的数据报和 ICMP。"""
    return lambda trace: [line for line in wire(trace) if " igmp " not in line]


def listening(net: Network):
    sock = net.server.socket(AF_INET, SOCK_DGRAM)
    sock.bind(("0.0.0.0", 7007))
    return sock


def test_bad_news_then_no_peer(build, wire):
    with Network("client", "server", delay=0.005) as net:
        client = net.client.program(build("connected_datagram"), net.server.address, "7007")
        assert client.wait() == 0
        assert client.stderr.read().splitlines() == [
            b"recv: Connection refused", b"send: Destination address required"]
    in_c = net.trace
    with Network("client", "server", delay=0.005) as net:
        sock = net.client.socket(AF_INET, SOCK_DGRAM)
        sock.connect((net.server.address, 7007))
        sock.send(b"anyone?")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(64)
        assert ctypes.CDLL(None).connect(sock.fileno(), bytes(16), 16) == 0
        with pytest.raises(OSError, match="Destination address required"):
            sock.send(b"anyone?")
        sock.sendto(b"bye", (net.server.address, 7007))
    assert wire(in_c) == wire(net.trace)


def test_broadcasting_wants_permission(build, wire):
    with Network("client", "server", delay=0.005) as net:
        listener = listening(net)
        client = net.client.program(build("broadcast_sender"), "10.0.0.255", "7007", "hello")
        assert listener.recv(64) == b"hello"
        assert client.wait() == 0
        assert client.stderr.read() == b"sendto: Permission denied\n"
    in_c = net.trace
    with Network("client", "server", delay=0.005) as net:
        listener = listening(net)
        sock = net.client.socket(AF_INET, SOCK_DGRAM)
        sock.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)
        sock.sendto(b"hello", ("10.0.0.255", 7007))
        assert listener.recv(64) == b"hello"
    assert wire(in_c) == wire(net.trace)


def to_the_group(net: Network) -> None:
    sock = net.client.socket(AF_INET, SOCK_DGRAM)
    sock.setsockopt(IPPROTO_IP, IP_MULTICAST_IF, inet_aton(net.client.address))
    sock.sendto(b"members", (GROUP, 7007))


def test_joining_is_hearing(build, letters):
    with Network("client", "server", delay=0.005) as net:
        server = net.server.program(build("multicast_receiver"), GROUP, "7007", net.server.address)
        assert server.stdout.readline() == b"ready\n"
        to_the_group(net)
        assert server.stdout.read() == b"members"
    in_c = net.trace
    with Network("client", "server", delay=0.005) as net:
        listener = listening(net)
        listener.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, inet_aton(GROUP) + inet_aton(net.server.address))
        to_the_group(net)
        assert listener.recv(64) == b"members"
    assert letters(in_c) == letters(net.trace)
