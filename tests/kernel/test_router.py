"""路由器：真内核的三种拒绝，connect() 各报什么；ICMP 是谁发的。"""

from __future__ import annotations

import errno
import socket

import pytest

from sockscope.live import Network

REFUSALS = [  # 路由的种类、connect() 的 errno、ICMP 的名字（ip-route(8)、icmp(7)）
    ("unreachable", errno.EHOSTUNREACH, "host unreachable"),
    ("prohibit", errno.EHOSTUNREACH, "communication prohibited"),  # 别人家的 EACCES 到这里也是“到不了”
    ("blackhole", errno.ETIMEDOUT, None),
]


@pytest.mark.parametrize(("kind", "number", "icmp"), REFUSALS, ids=[r[0] for r in REFUSALS])
def test_what_connect_reports(kind, number, icmp):
    with Network("client", "router", "server", delayed_ack=False) as net:
        net.router.route("10.9.9.0/24", kind)
        net.client.sysctl("tcp_syn_retries", 1)
        net.client.sysctl("tcp_syn_linear_timeouts", 0)
        sock = net.client.socket()
        got = sock.connect_ex(("10.9.9.9", 7))
    said = [(p.source, p.info) for p in net.trace.packets if p.protocol == "icmp"]
    assert (said[0] if said else None) == ((net.router.address, icmp) if icmp else None)
    assert errno.errorcode[got] == errno.errorcode[number]


@pytest.mark.parametrize(("kind", "number"), [("unreachable", errno.EHOSTUNREACH), ("prohibit", errno.EACCES),
                                              ("blackhole", errno.EINVAL), ("throw", errno.ENETUNREACH)])
def test_the_same_routes_at_home_answer_without_a_packet(net, kind, number):
    """路由在自己家里，内核当场回答，errno 各不相同（ip-route(8)）。"""
    net.client.route("10.9.9.0/24", kind)
    assert errno.errorcode[net.client.socket().connect_ex(("10.9.9.9", 7))] == errno.errorcode[number]
    assert net.trace.packets == []


@pytest.mark.parametrize(("dst", "kind", "sentence"), [("10.9.9.0/24", "closed", "没有 'closed' 这种路由"),
                                                       ("10.9.9.9/24", "throw", "host bits")])
def test_a_route_that_makes_no_sense_is_refused_before_the_kernel_sees_it(net, dst, kind, sentence):
    with pytest.raises(ValueError, match=sentence):
        net.client.route(dst, kind)


def test_no_route_at_home_needs_no_packet(net):
    sock = net.client.socket()
    assert sock.connect_ex(("192.0.2.1", 7)) == errno.ENETUNREACH
    assert net.trace.packets == []


def test_nobody_listens(net):
    sock = net.client.socket()
    assert sock.connect_ex((net.server.address, 7)) == errno.ECONNREFUSED
    assert [p.flags for p in net.trace.packets] == [["SYN"], ["RST", "ACK"]]


def test_a_datagram_to_a_closed_port_is_refused_too(net):
    sock = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((net.server.address, 7))
    sock.send(b"x")
    net.settle()
    with pytest.raises(ConnectionRefusedError):
        sock.send(b"y")
    assert [p.info for p in net.trace.packets if p.protocol == "icmp"] == ["port unreachable"]


def test_hops_run_out():
    with Network("client", "a", "b", "server", delayed_ack=False) as net:
        sock = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for ttl in (1, 2):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            sock.connect((net.server.address, 33434))
            sock.send(b"x")
            net.settle()
    told = [p.source for p in net.trace.packets if p.info == "TTL exceeded" and p.dst == "client"]
    assert told == [net.a.address, net["b"].address]
