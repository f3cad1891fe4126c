"""第 14 章的 C 程序：拥塞窗口翻倍，成批地发，等零拷贝的通知。"""

from __future__ import annotations

from socket import AF_INET, MSG_WAITALL, SOCK_DGRAM

import pytest

from sockscope import Network

PORT = 7007


def listening(net: Network):
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    return listener


def test_the_window_doubles(build):
    with Network("client", "server", delay=0.02, delayed_ack=False, rto_min=2) as net:
        listener = listening(net)
        client = net.client.program(build("cwnd_client"), net.server.address, str(PORT))
        conn, _ = listener.accept()
        assert len(conn.recv(14_480, MSG_WAITALL)) == 14_480
        conn.send(b"!")
        assert client.stdout.read() == b"10 20\n"
        assert client.wait() == 0


def test_the_completion_comes_after_the_acknowledgement(build):
    with Network("client", "server", delay=0.02) as net:
        listener = listening(net)
        client = net.client.program(build("zero_copy"), net.server.address, str(PORT))
        conn, _ = listener.accept()
        assert conn.recv(10_000, MSG_WAITALL) == bytes(10_000)
        assert client.stdout.read() == b"0-0 copied\n"
        assert client.wait() == 0


@pytest.mark.parametrize(("how", "calls"), [("send", 70), ("sendmmsg", 2), ("segment", 2)])
def test_as_many_datagrams_with_fewer_calls(build, how, calls):
    with Network("client", "server", checksums=True) as net:
        sink = net.server.socket(AF_INET, SOCK_DGRAM)
        sink.bind((net.server.address, PORT))
        sender = net.client.program(build("many_sends"), net.server.address, str(PORT), how, "70", "64")
        assert int(sender.stdout.read().split()[0]) == calls
        assert sender.wait() == 0
    assert [p.length for p in net.trace.sent_by("client")] == [100] * 70
