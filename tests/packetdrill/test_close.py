"""关闭：谁先关，没读完就关，关了还来数据，同时关，TIME_WAIT。"""

from __future__ import annotations

from .peer import Peer, fails


def test_local_close_then_remote_fin(peer: Peer) -> None:
    """google：close/close-local-close-then-remote-fin.pkt。这边先 close()，对端随后说完。"""
    sock = peer.connected()
    assert sock.send(bytes(1000)) == 1000
    peer.expect("P.", 1, length=1000, ack=1)
    peer.inject(".", 1, ack=1001)
    sock.close()
    peer.expect("F.", 1001, ack=1)
    peer.inject(".", 1, ack=1002)
    peer.inject("F.", 1, ack=1002)
    peer.expect(".", 1002, ack=2)


def test_remote_fin_then_close(peer: Peer) -> None:
    """google：close/close-remote-fin-then-close.pkt。对端先说完，这边走 LAST_ACK；此后来的都答 RST。"""
    conn = peer.accepted()
    peer.inject("F.", 1, ack=1)
    peer.expect(".", 1, ack=2)
    assert conn.recv(1000) == b""
    peer.listener.close()
    conn.close()
    peer.expect("F.", 1, ack=2)
    peer.inject(".", 2, ack=2)
    peer.inject(".", 2, ack=2)
    peer.expect("R", 2)
