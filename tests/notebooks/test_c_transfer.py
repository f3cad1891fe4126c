"""第 04 章的 C 程序：与 Python 的写法在网线上走同样的包。"""

from __future__ import annotations

from socket import MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, SO_RCVBUF, SO_SNDBUF, SOCK_DGRAM, SOL_SOCKET

import pytest

from sockscope import Network, Trace
from sockscope.experiments import attempt
from sockscope.experiments.kinds import unhurried


def listening(net: Network, size: int = 0):
    listener = net.server.socket()
    if size:
        listener.setsockopt(SOL_SOCKET, SO_RCVBUF, size)
    listener.bind((net.server.address, 7007))
    listener.listen()
    return listener


def framed_in_python() -> Trace:
    with Network("client", "server", delay=0.005) as net:
        def serve() -> None:
            conn, _ = listening(net).accept()
            length = conn.recv(4, MSG_WAITALL)
            assert conn.recv(int.from_bytes(length), MSG_WAITALL) == b"hello"
            conn.sendall(length)
            assert conn.recv(1) == b""
            conn.close()

        net.server.spawn(serve)
        sock = net.client.socket()
        sock.connect((net.server.address, 7007))
        sock.sendall((5).to_bytes(4) + b"hello")
        assert int.from_bytes(sock.recv(4, MSG_WAITALL)) == 5
        sock.close()
    return net.trace


def test_framing_looks_the_same_on_the_wire(build, wire):
    with Network("client", "server", delay=0.005) as net:
        server = net.server.program(build("framed_server"), net.server.address, "7007")
        assert server.stdout.readline() == b"ready\n"
        client = net.client.program(build("framed_client"), net.server.address, "7007", "hello")
        assert (client.stdout.read(), server.stdout.read()) == (b"5\n", b"hello\n")
        assert client.wait() == server.wait() == 0
    assert wire(net.trace) == wire(framed_in_python())


def test_framing_survives_any_fragmentation(build):
    with Network("client", "server") as net:
        server = net.server.program(build("framed_server"), net.server.address, "7007")
        server.stdout.readline()
        sock = net.client.socket()
        sock.connect((net.server.address, 7007))
        for byte in b"\0\0\0\5hello":
            sock.send(bytes([byte]))
            net.settle()
        assert sock.recv(4, MSG_WAITALL) == b"\0\0\0\5"
        sock.close()
        assert server.stdout.read() == b"hello\n"


def test_an_early_end_is_told_from_a_message(build):
    with Network("client", "server") as net:
        server = net.server.program(build("framed_server"), net.server.address, "7007")
        server.stdout.readline()
        sock = net.client.socket()
        sock.connect((net.server.address, 7007))
        sock.sendall(b"\0\0\0\5hel")
        sock.close()
        assert server.stderr.read().decode() == "消息不完整\n"
        assert server.wait() == 1


def test_partial_sends_count_the_same(build, wire):
    program = build("partial_send")
    with Network("client", "server", delay=0.02) as net:
        unhurried(net)
        listening(net, 4096)
        client = net.client.program(program, net.server.address, "7007")
        told = list(iter(client.stdout.readline, b"EAGAIN\n"))
        net.settle()
    in_c = net.trace
    with Network("client", "server", delay=0.02) as net:
        unhurried(net)
        listening(net, 4096)
        sock = net.client.socket()
        sock.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)
        sock.connect((net.server.address, 7007))
        while attempt(sock.send, bytes(12_000), MSG_DONTWAIT):
            pass
        net.settle()
    assert told == [f"{call.result}\n".encode() for call in net.trace.calls if call.name == "send"][:-1]
    assert wire(in_c) == wire(net.trace)


def test_the_true_length_comes_first(build, wire):
    def ask(net: Network) -> bytes:
        near = net.client.socket(type=SOCK_DGRAM)
        near.sendto(b"abcdef", (net.server.address, 7007))
        return near.recv(64)

    with Network("client", "server", delay=0.005) as net:
        server = net.server.program(build("peek_length"), net.server.address, "7007")
        assert server.stdout.readline() == b"ready\n"
        assert ask(net) == b"6"
        assert server.wait() == 0
    in_c = net.trace
    with Network("client", "server", delay=0.005) as net:
        def serve() -> None:
            far = net.server.socket(type=SOCK_DGRAM)
            far.bind((net.server.address, 7007))
            length = far.recv_into(bytearray(1), 0, MSG_PEEK | MSG_TRUNC)
            data, peer = far.recvfrom(length)
            far.sendto(str(len(data)).encode(), peer)

        net.server.spawn(serve)
        assert ask(net) == b"6"
    assert wire(in_c) == wire(net.trace)


@pytest.mark.parametrize(("option", "said"), [([], b"EINTR\n"), (["restart"], b"5\n")], ids=["default", "SA_RESTART"])
def test_a_signal_interrupts_unless_told_otherwise(option, said, build):
    with Network("client", "server") as net:
        listener = listening(net)
        client = net.client.program(build("interrupted"), net.server.address, "7007", *option)
        conn, _ = listener.accept()
        assert client.stdout.read(1) == b"!"  # 信号来过了
        if option:
            conn.send(b"hello")
        assert client.stdout.read().lstrip(b"!") == said
        assert client.wait() == 0
