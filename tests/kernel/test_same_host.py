"""一台主机连自己：包走环回网口，不上网线，状态照样查得出、查得过。"""

from __future__ import annotations

from sockscope import Network
from sockscope.tcp import violations


def test_a_connection_inside_one_host_keeps_to_the_table():
    with Network("client", "server") as net:
        listener, near = net.client.socket(), net.client.socket()
        listener.bind((net.client.address, 7))
        listener.listen()
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        near.close()
        assert far.recv(64) == b""
    assert net.trace.packets == []
    assert violations(net.trace) == []
