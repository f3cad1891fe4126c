"""第 10 章的 C 程序：手写的 ping 与 Python 写的一字不差，顺序包收到的长度相同。"""

from __future__ import annotations

import subprocess
from socket import AF_INET, IPPROTO_ICMP, SOCK_RAW

import pytest

from sockscope import Network, Trace
from sockscope.experiments.ch10.echoes import echo


def after_the_header(trace: Trace) -> list[tuple[str, str, str]]:
    """IP 首部之后的字节：首部里的标识每次不同。"""
    return [(p.src, p.info, p.raw[40:]) for p in trace.packets]


def test_ping_writes_the_bytes_python_writes(build):
    with Network("client", "server", delay=0.005) as net:
        program = net.client.program(build("ping"), net.server.address)
        assert program.stdout.read() == b"10.0.0.2 0\n"
        assert program.wait() == 0
    in_c = net.trace
    with Network("client", "server", delay=0.005) as net:
        sock = net.client.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
        sock.sendto(echo(), (net.server.address, 0))
        sock.recv(2048)
    assert after_the_header(in_c) == after_the_header(net.trace)


@pytest.mark.parametrize(("ttl", "said"), [("1", b"10.0.0.2 11\n"), ("2", b"10.0.1.2 0\n")], ids=["router", "server"])
def test_a_ping_with_a_ttl_is_one_hop_of_a_traceroute(ttl, said, build):
    with Network("client", "router", "server") as net:
        assert net.client.program(build("ping"), net.server.address, ttl).stdout.read() == said


@pytest.mark.parametrize(("room", "said"), [("4", "3\n4 MSG_TRUNC\n3\n0\n"), ("64", "3\n5\n3\n0\n")])
def test_sequenced_packets_come_one_by_one(room, said, build):
    assert subprocess.check_output([build("seqpacket"), room], text=True) == said
