"""选择确认（RFC 2018、2883）、快速重传、显式拥塞通知（RFC 3168）。"""

from __future__ import annotations

import pytest

from sockscope.live.socket import TracedSocket

from .peer import SYN_OPTIONS, Peer, needs

ECT0, CE = 2, 3


@pytest.mark.parametrize("permitted", [True, False])
def test_sack_permitted(peer: Peer, permitted: bool) -> None:
    """各脚本的头几行（如 linux：tcp_basic_server.pkt、google：blocking/blocking-accept.pkt）。对端许可 SACK，内核才用它。"""
    peer.accepted(options=[option for option in SYN_OPTIONS if permitted or option[0] != "SAckOK"])
    assert ("SAckOK" in peer.told[0][1].options) == permitted
    peer.inject("P.", 1001, data=1000, ack=1)
    peer.expect(".", 1, ack=1, sack=[(1001, 2001)] if permitted else [])


def test_blocks_and_duplicates(peer: Peer) -> None:
    """linux：tcp_dsack_mult.pkt。缺口后面的各块，新的在前；收过的又来，第一块是 DSACK。

    DSACK 那一步（块只说真的重复的）是 6.17 修好的。
    """
    needs((6, 17), "把重复的范围说得恰好")
    peer.accepted(window=1024)
    for first, last, ack, blocks in [
            (1001, 2001, 1, [(1001, 2001)]), (2001, 3001, 1, [(1001, 3001)]),
            (4001, 5001, 1, [(4001, 5001), (1001, 3001)]), (7001, 8001, 1, [(7001, 8001), (4001, 5001), (1001, 3001)]),
            (1, 6001, 6001, [(1001, 3001), (7001, 8001)]), (6001, 8001, 8001, [(7001, 8001)]),
            (1, 1001, 8001, [(1, 1001)])]:
        peer.inject("P.", first, data=last - first, ack=1, window=1024)
        peer.expect(".", 1, ack=ack, sack=blocks)


def test_fast_retransmit(peer: Peer) -> None:
    """google：fast_retransmit/fr-4pkt-sack.pkt。三个带 SACK 的重复确认：缺的那一段当即重发，不等定时器。"""
    conn = peer.accepted(options=[("MSS", 1460), *SYN_OPTIONS[1:]])
    assert conn.send(bytes(5840)) == 5840
    peer.expect_data(1, 5841, ack=1, mss=1460)
    for last in (2921, 4381, 5841):
        peer.inject(".", 1, ack=1, options=peer.sack((1461, last)))
    peer.expect(".", 1, length=1460, ack=1)
    peer.inject(".", 1, ack=5841)
    conn.close()
    peer.expect("F.", 5841, ack=1)
    peer.inject("F.", 1, ack=5842)
    peer.expect(".", 5842, ack=2)


def test_ecn_handshake_and_ect(peer: Peer) -> None:
    """google：ecn/ecn-uses-ect0.pkt。tcp_ecn 为 1：SYN 带 ECE 与 CWR，对端答 ECE；此后数据标 ECT(0)，握手的不标。"""
    peer.kernel.sysctl("tcp_ecn", 1)
    sock = peer.connecting("SEW")
    peer.inject("SE.", ack=1, window=32767, options=SYN_OPTIONS)
    peer.expect(".", 1, ack=1, ecn=0)
    assert sock.send(bytes(1000)) == 1000
    peer.expect("P.", 1, length=1000, ack=1, ecn=ECT0)
    peer.inject(".", 1, ack=1001)


def test_ecn_is_declined(peer: Peer) -> None:
    """google：ecn/ecn-uses-ect0.pkt（另一半）。对端的 SYN-ACK 里没有 ECE，数据就不标。"""
    peer.kernel.sysctl("tcp_ecn", 1)
    sock = peer.connecting("SEW")
    peer.inject("S.", ack=1, window=32767, options=SYN_OPTIONS)
    peer.expect(".", 1, ack=1)
    sock.send(bytes(1000))
    peer.expect("P.", 1, length=1000, ack=1, ecn=0)
    peer.inject(".", 1, ack=1001)


@pytest.mark.parametrize(("ecn", "answer"), [(0, "S."), (2, "SE.")])
def test_ecn_asked_by_the_peer(peer: Peer, ecn: int, answer: str) -> None:
    """linux：tcp_accecn_serverside_ecn_disabled.pkt 等的头几行。对端来要 ECN：tcp_ecn 为 2（缺省）就答应，为 0 不答应。"""
    peer.kernel.sysctl("tcp_ecn", ecn)
    peer.listen()
    peer.inject("SEW", options=SYN_OPTIONS)
    peer.expect(answer, ack=1)


def test_congestion_is_echoed_until_reduced(peer: Peer) -> None:
    """没有同名的脚本；RFC 3168 §6.1.3。收到标了 CE 的段，确认里一直带着 ECE，直到对端说 CWR。"""
    conn = accepted_with_ecn(peer)
    peer.inject("P.", 1, data=1000, ack=1, ecn=CE)
    peer.expect("E.", 1, ack=1001)
    peer.inject("P.", 1001, data=1000, ack=1, ecn=ECT0)
    peer.expect("E.", 1, ack=2001)
    peer.inject("PW.", 2001, data=1000, ack=1, ecn=ECT0)
    peer.expect(".", 1, ack=3001)
    assert len(conn.recv(4000)) == 3000


def test_echo_makes_the_sender_reduce(peer: Peer) -> None:
    """google：cwnd_moderation/cwnd-moderation-ecn-enter-cwr-no-moderation-700.pkt 的要点。ECE 换来一个 CWR。

    确认里有 ECE：下一个新的段带 CWR，只带一次。
    不同：不比拥塞窗口的大小。
    """
    conn = accepted_with_ecn(peer)
    assert conn.send(bytes(1000)) == 1000
    peer.expect("P.", 1, length=1000, ack=1, ecn=ECT0)
    peer.inject("E.", 1, ack=1001)
    assert conn.send(bytes(1000)) == 1000
    peer.expect("PW.", 1001, length=1000, ack=1, ecn=ECT0)
    peer.inject(".", 1, ack=2001)
    assert conn.send(bytes(1000)) == 1000
    peer.expect("P.", 2001, length=1000, ack=1, ecn=ECT0)
    peer.inject(".", 1, ack=3001)


def accepted_with_ecn(peer: Peer) -> TracedSocket:
    """对端来连，两头都会 ECN。"""
    listener = peer.listen()
    peer.inject("SEW", options=SYN_OPTIONS)
    peer.expect("SE.", ack=1)
    peer.inject(".", 1, ack=1)
    return listener.accept()[0]
