"""第 11 章的 C 程序：内核给 C 的回答与给 Python 的相同，设好选项的连接在网线上也相同。"""

from __future__ import annotations

import struct
from socket import IP_TTL, IPPROTO_IP, IPPROTO_TCP, SO_LINGER, SO_RCVTIMEO, SOL_SOCKET, TCP_MAXSEG, TCP_NODELAY

from sockscope import Network, Trace, experiments
from sockscope.experiments import attempt
from sockscope.pages.option_table import rows


def test_the_kernel_answers_c_as_it_answers_python(build):
    with Network("client", "server") as net:
        program = net.client.program(build("read_options"))
        told = [line.split() for line in program.stdout.read().decode().splitlines()]
        assert program.wait() == 0
    asked = experiments.get("option_values")  # 同一个内核，用 Python 问
    levels = ("SOL_SOCKET", "IPPROTO_TCP", "IPPROTO_IP")
    found = {row.option.name: row for level in levels for row in rows(asked.run(level=level))}
    assert len(told) == 8
    for name, before, after in told:
        assert (found[name].default, found[name].after) == (before, after), name


def listening(net: Network) -> tuple[str, int]:
    listener = net.server.socket()
    listener.bind((net.server.address, 7007))
    listener.listen()
    return listener.getsockname()


def in_python() -> Trace:
    with Network("client", "server", delay=0.005) as net:
        there = listening(net)
        sock = net.client.socket()
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        sock.setsockopt(IPPROTO_TCP, TCP_MAXSEG, 500)
        sock.setsockopt(IPPROTO_IP, IP_TTL, 5)
        sock.setsockopt(SOL_SOCKET, SO_RCVTIMEO, struct.pack("ll", 0, 500_000))
        sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        sock.connect(there)
        for byte in b"hello":
            sock.send(bytes([byte]))
        assert attempt(sock.recv, 64) is None
        sock.close()
    return net.trace


def head(trace: Trace) -> tuple[str, int]:
    """SYN 里的 MSS，和 IP 首部里的 TTL。"""
    syn = trace.sent_by("client", "SYN")[0]
    return syn.options["MSS"], bytes.fromhex(syn.raw)[8]


def test_a_tuned_client_looks_the_same_on_the_wire(build, wire):
    with Network("client", "server", delay=0.005) as net:
        host, port = listening(net)
        client = net.client.program(build("tuned_client"), host, str(port))
        assert client.stdout.read() == b"EAGAIN\n"
        assert client.wait() == 0
    python = in_python()
    assert wire(net.trace) == wire(python)
    assert head(net.trace) == head(python) == ("500", 5)
