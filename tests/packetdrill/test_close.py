"""关闭：谁先关，没读完就关，关了还来数据，同时关，TIME_WAIT。"""

from __future__ import annotations

from socket import SHUT_WR

import pytest

from .peer import Peer, needs


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


def test_close_on_syn_sent(peer: Peer) -> None:
    """google：close/close-on-syn-sent.pkt。还没连上就 close()：不发 RST；迟到的 SYN-ACK 才招来 RST。"""
    sock = peer.connecting()
    sock.close()
    peer.quiet()
    peer.inject("S.", ack=1, window=32000, options=[("MSS", 1460), ("WScale", 7)])
    peer.expect("R", 1)


def test_no_reset_when_nothing_is_unread(peer: Peer) -> None:
    """linux：tcp_close_no_rst.pkt。重发的数据带着 FIN，数据早就读走了：close() 发 FIN，不发 RST（RFC 2525 §2.17）。"""
    conn = peer.accepted(options=[("MSS", 1000), ("SAckOK", b"")], window=32792)
    peer.inject(".", 1, data=1000, ack=1)
    peer.expect(".", 1, ack=1001)
    assert len(conn.recv(1000)) == 1000
    peer.inject("F.", 1, data=1000, ack=1)
    peer.expect(".", 1, ack=1002)
    conn.close()
    peer.expect("F.", 1, ack=1002)


def test_close_with_unread_data(peer: Peer) -> None:
    """ligurio：close/close-unread-data-rst.pkt。还有数据没读走就 close()：RST。

    脚本记的是 FreeBSD，它照常发 FIN；所以这里从那一行起不同。
    """
    conn = peer.accepted()
    peer.inject("P.", 1, data=1000, ack=1)
    peer.expect(".", 1, ack=1001)
    conn.send(bytes(1000))
    peer.expect("P.", 1, length=1000, ack=1001)
    peer.inject(".", 1001, ack=1001)
    peer.inject("F.", 1001, ack=1001)
    peer.expect(".", 1001, ack=1002)
    conn.close()
    peer.expect("R.", 1001, ack=1002)


def test_close_after_reading_everything(peer: Peer) -> None:
    """ligurio：close/close-read-data-fin.pkt。读完了再 close()：FIN。"""
    conn = peer.accepted()
    peer.inject("P.", 1, data=1000, ack=1)
    peer.expect(".", 1, ack=1001)
    conn.send(bytes(1000))
    peer.expect("P.", 1, length=1000, ack=1001)
    peer.inject(".", 1001, ack=1001)
    assert len(conn.recv(1000)) == 1000
    peer.inject("F.", 1001, ack=1001)
    peer.expect(".", 1001, ack=1002)
    conn.close()
    peer.expect("F.", 1001, ack=1002)


def test_data_after_close(peer: Peer) -> None:
    """ligurio：close/close-write-data-rst.pkt。close() 以后来的数据没有人读：RST。"""
    conn = peer.accepted()
    conn.close()
    peer.expect("F.", 1, ack=1)
    peer.inject("P.", 1, data=1000, ack=2)
    peer.expect("R", 2)


def test_listener_closed_before_accept(peer: Peer) -> None:
    """google：fastopen/server/listener-closed-trigger-rst.pkt（换成普通的连接）。没有 accept 的连接，听的关了就 RST。"""
    listener = peer.listen()
    peer.handshake()
    listener.close()
    peer.expect("R.", 1, ack=1)


def test_simultaneous_close(peer: Peer) -> None:
    """ligurio：close/simultaneous-close.pkt。两个 FIN 在路上错过：CLOSING，然后 TIME_WAIT。

    脚本里对端的 FIN 已经确认了这边的（ack 2），算不得同时；这里写 ack 1，再补一个确认。
    """
    conn = peer.accepted()
    conn.close()
    peer.expect("F.", 1, ack=1)
    peer.inject("F.", 1, ack=1)
    peer.expect(".", 2, ack=2)
    peer.inject(".", 2, ack=2)
    assert peer.states()[-3:] == ["FIN_WAIT1", "CLOSING", "TIME_WAIT"]


def test_fin_overtaken_by_an_acknowledgement(peer: Peer) -> None:
    """linux：tcp_disorder_fin_in_FIN_WAIT.pkt。FIN 比它后面的确认晚到：照样收下。"""
    needs((6, 9), "关闭途中收下迟到的 FIN")
    conn = peer.accepted()
    conn.shutdown(SHUT_WR)
    peer.expect("F.", 1, ack=1)
    peer.inject(".", 2, ack=2)
    peer.inject("F.", 1, ack=1)
    peer.expect(".", 2, ack=2)


@pytest.mark.slow
def test_last_acknowledgement_lost(ticking: Peer) -> None:
    """ligurio：close/close-last-ack-lost.pkt。LAST_ACK 里没有等到确认，FIN 重发；确认以后再来的数据得 RST。"""
    conn = ticking.accepted()
    ticking.listener.close()
    ticking.inject("F.", 1, ack=1)
    ticking.expect(".", 1, ack=2)
    conn.close()
    ticking.expect("F.", 1, ack=2)
    ticking.expect("F.", 1, ack=2)
    ticking.inject(".", 2, ack=2)
    ticking.inject("P.", 2, data=1000, ack=2)
    ticking.expect("R", 2, besides=("F.", 1))


@pytest.mark.parametrize(("rfc1337", "answer"), [(0, ("R", 2)), (1, (".", 2))])
def test_reset_in_time_wait(peer: Peer, rfc1337: int, answer: tuple[str, int]) -> None:
    """ligurio：time_wait/time-wait.pkt、reset/rst-sync-est-time-wait.pkt。RST 杀死 TIME_WAIT 吗（RFC 1337）。

    由 tcp_rfc1337 决定。脚本到 RST 为止；这里再重发一次 FIN，看那一头还记不记得：不记得就答 RST。
    """
    peer.kernel.sysctl("tcp_rfc1337", rfc1337)
    conn = peer.accepted()
    peer.listener.close()
    conn.close()
    peer.expect("F.", 1, ack=1)
    peer.inject(".", 1, ack=2)
    peer.inject("F.", 1, ack=2)
    peer.expect(".", 2, ack=2)
    peer.inject("R", 2)
    peer.inject("F.", 1, ack=2)
    flags, seq = answer
    peer.expect(flags, seq, ack=2 if "." in flags else None)


def test_new_connection_in_time_wait(peer: Peer) -> None:
    """freebsd：rcv-syn-time-wait-using-shutdown-right-edge-insecure-ipv4.pkt。TIME_WAIT 里来了更大的 SYN：新的连上。"""
    conn = peer.accepted()
    conn.close()
    peer.expect("F.", 1, ack=1)
    peer.inject("F.", 1, ack=2)
    peer.expect(".", 2, ack=2)
    peer.isn += 100_000
    peer.handshake()
    assert peer.listener.accept()[1] == (peer.address, peer.port)
