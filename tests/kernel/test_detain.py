"""网线扣下一个包：它后到，别的不等它。"""

from __future__ import annotations

from socket import AF_INET, SOCK_DGRAM

from sockscope import Network


def test_a_detained_packet_arrives_after_those_sent_later():
    with Network("client", "server", delay=0.001) as net:
        net.cable.detain(0.05, match=lambda packet: packet.payload == b"one")
        sender, receiver = net.client.socket(AF_INET, SOCK_DGRAM), net.server.socket(AF_INET, SOCK_DGRAM)
        receiver.bind((net.server.address, 7))
        for word in (b"one", b"two", b"one"):
            sender.sendto(word, receiver.getsockname())
        assert [receiver.recv(64) for _ in range(3)] == [b"two", b"one", b"one"]
    first = net.trace.packets[0]
    assert first.end - first.t >= 50_000_000
