"""第 09 章的 C 程序：与 Python 的写法在网线上走同样的包。"""

from __future__ import annotations

import struct
from socket import AF_INET, IPPROTO_IP, SOCK_DGRAM

import pytest

from sockscope import Network

IP_PKTINFO = 8  # <linux/in.h>
FAR = "10.0.1.1", 7007  # 服务器远的那个地址


def listening(net: Network):
    sock = net.server.socket(AF_INET, SOCK_DGRAM)
    sock.bind(("0.0.0.0", 7007))
    return sock


def test_pieces_travel_as_one_datagram(build, wire):
    program, traces = build("gather_sender"), []
    for in_c in (True, False):
        with Network("client", "server", delay=0.005) as net:
            far = listening(net)
            if in_c:
                assert net.client.program(program, net.server.address, "7007", "hello").wait() == 0
            else:
                near = net.client.socket(AF_INET, SOCK_DGRAM)
                near.sendmsg([b"\0\0\0\5", b"hello"], [], 0, (net.server.address, 7007))
            assert far.recv(64) == b"\0\0\0\5hello"
        traces.append(wire(net.trace))
    assert traces[0] == traces[1]


def ask(net: Network):
    sock = net.client.socket(AF_INET, SOCK_DGRAM)
    sock.connect(FAR)
    sock.send(b"hello")
    return sock


def test_the_echo_comes_from_the_address_that_was_asked(build, wire):
    with Network("client", "server", "peer", delay=0.005) as net:
        server = net.server.program(build("faithful_echo"), "7007")
        assert server.stdout.readline() == b"ready\n"
        assert ask(net).recv(64) == b"hello"
        assert server.stdout.read() == b"10.0.1.1\n"
        assert server.wait() == 0
    in_c = net.trace
    with Network("client", "server", "peer", delay=0.005) as net:
        far = listening(net)
        far.setsockopt(IPPROTO_IP, IP_PKTINFO, 1)
        near = ask(net)
        data, [(level, kind, info)], _, peer = far.recvmsg(64, 64)
        far.sendmsg([data], [(level, kind, struct.pack("i4s4s", 0, info[8:], bytes(4)))], 0, peer)
        assert near.recv(64) == b"hello"
    assert wire(in_c) == wire(net.trace)


@pytest.mark.parametrize(("route", "said"), [
    ("unreachable", b"anyone?: No route to host, ICMP 3/1, 10.0.0.2\n"),
    ("prohibit", b"anyone?: No route to host, ICMP 3/13, 10.0.0.2\n"),
    ("none", b"anyone?: Network is unreachable, ICMP 3/0, 10.0.0.2\n"),
], ids=["unreachable", "prohibit", "none"])
def test_the_error_queue_says_who_and_why(route, said, build):
    with Network("client", "router", "server", delay=0.005) as net:
        if route != "none":
            net.router.route("10.9.9.0/24", route)
        program = net.client.program(build("error_queue"), "10.9.9.9", "7007", "anyone?")
        assert program.stdout.read() == said
        assert program.wait() == 0


def test_a_batch_is_one_call_and_as_many_datagrams(build, wire):
    words = ["one", "three", "fifteen"]
    with Network("client", "server", delay=0.005) as net:
        receiver = net.server.program(build("batch_receiver"), net.server.address, "7007")
        assert receiver.stdout.readline() == b"ready\n"
        sender = net.client.program(build("batch_sender"), net.server.address, "7007", *words)
        assert sender.stdout.read() == b"3\n"
        net.settle()
        receiver.stdin.write(b"\n")
        assert receiver.stdout.read().decode().split() == words
    in_c = net.trace
    with Network("client", "server", delay=0.005) as net:
        far, near = listening(net), net.client.socket(AF_INET, SOCK_DGRAM)
        for word in words:
            near.sendto(word.encode(), (net.server.address, 7007))
        assert [far.recv(64).decode() for _ in words] == words
    assert wire(in_c) == wire(net.trace)
