"""定时器：重传、保活、用户超时、推迟的 accept。等的是内核自己的钟，不比毫秒，只比次序与结果。"""

from __future__ import annotations

from socket import (
    IPPROTO_TCP,
    SO_KEEPALIVE,
    SOL_SOCKET,
    TCP_DEFER_ACCEPT,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_USER_TIMEOUT,
)

import pytest
from tests.kernel.census import wait_until

from sockscope.live.socket import TracedSocket

from .peer import SYN_OPTIONS, Peer, fails


@pytest.mark.slow
def test_synack_is_retransmitted(ticking: Peer) -> None:
    """linux：tcp_rto_synack_rto_max.pkt 的后半。没有第三步，一秒以后重发 SYN-ACK；这时再确认也来得及。

    不同：只等一次，所以不必压低 tcp_rto_max_ms。
    """
    listener = ticking.listen()
    ticking.inject("S", window=1000, options=[("MSS", 1460), ("SAckOK", b"")])
    ticking.expect("S.", ack=1, options={"MSS": 1460})
    ticking.expect("S.", ack=1, options={"MSS": 1460})
    ticking.inject(".", 1, ack=1, window=1000)
    assert listener.accept()[1] == (ticking.address, ticking.port)


@pytest.mark.slow
def test_data_is_retransmitted(ticking: Peer) -> None:
    """ligurio：rto/retransmission_timeout.pkt。确认停在 4001：定时器到点，重发从那里起的第一个段，一次比一次等得久。

    不同：脚本的初始超时是 FreeBSD 的三秒；SACK 块在确认以前，不写。
    """
    conn = ticking.accepted()
    assert conn.send(bytes(5000)) == 5000
    ticking.expect_data(1, 5001, ack=1)
    ticking.inject(".", 1, ack=4001)
    again = [ticking.expect("P.", 4001, length=1000, ack=1, besides=(".", 1)) for _ in range(2)]
    ticking.inject(".", 1, ack=5001)
    assert again[0] == again[1]


@pytest.mark.slow
def test_user_timeout_of_an_orphan(ticking: Peer) -> None:
    """google：user_timeout/user_timeout.pkt。关了的套接字等 FIN 的确认，至多等 TCP_USER_TIMEOUT 那么久；此后来的得到 RST。

    不同：脚本是三秒，这里一秒；重传几次不比，只看它们都是同一个 FIN。
    """
    conn = ticking.accepted(options=[("MSS", 1000), ("SAckOK", b"")], window=32792)
    ticking.listener.close()
    conn.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, 1000)
    conn.close()
    ticking.expect("F.", 1, ack=1)
    ticking.expect("F.", 1, ack=1)
    wait_until(lambda: not ticking.remembered())
    ticking.inject(".", 1, data=1, ack=1)
    ticking.expect("R", 1, besides=("F.", 1))


@pytest.mark.slow
def test_user_timeout_of_unacknowledged_data(ticking: Peer) -> None:
    """google：user_timeout/user-timeout-probe.pkt。数据一直没有确认，到了 TCP_USER_TIMEOUT：ETIMEDOUT。

    不同：脚本用 qdisc 堵住本机自己，这里是对端不答，所以数据还在重发；三秒换成不到一秒。
    """
    conn = ticking.accepted(options=[("MSS", 1460)], syn_window=65530, window=65530)
    conn.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, 900)
    assert conn.send(bytes(24)) == 24
    ticking.expect("P.", 1, length=24, ack=1)
    ticking.expect("P.", 1, length=24, ack=1)
    fails("ETIMEDOUT", conn.recv, 1000)
    fails("EPIPE", conn.send, bytes(24))


@pytest.mark.slow
def test_keepalive_is_answered(ticking: Peer) -> None:
    """没有同名的脚本；RFC 1122 §4.2.3.6。安静了 TCP_KEEPIDLE 那么久：探测是旧序号上的空段；答了就当没有事。"""
    conn = idle(ticking)
    ticking.expect(".", 0, ack=1)
    ticking.inject(".", 1, ack=1)
    assert conn.send(b"x") == 1
    ticking.expect("P.", 1, length=1, ack=1)
    assert [p.note for p in ticking.net.trace.sent_by("kernel")][-2:] == ["keepalive", ""]


@pytest.mark.slow
def test_keepalive_is_not_answered(ticking: Peer) -> None:
    """没有同名的脚本；tcp(7)。探测够了 TCP_KEEPCNT 次还没有回音：ETIMEDOUT，发一个 RST。

    第一次探测以后再设一遍 TCP_KEEPIDLE，内核就当即再看一次表：省去一秒。
    """
    conn = idle(ticking)
    ticking.expect(".", 0, ack=1)
    conn.setsockopt(IPPROTO_TCP, TCP_KEEPIDLE, 1)
    fails("ETIMEDOUT", conn.recv, 1000)
    ticking.expect("R.", 1, ack=1, besides=(".", 0))


def test_accept_waits_for_data(peer: Peer) -> None:
    """没有同名的脚本；tcp(7)。TCP_DEFER_ACCEPT：第三步到了也不算，数据来了才交给 accept()。"""
    listener = peer.listen()
    listener.setsockopt(IPPROTO_TCP, TCP_DEFER_ACCEPT, 5)
    listener.setblocking(False)
    peer.handshake()
    fails("EAGAIN", listener.accept)
    assert peer.states()[-1] == "SYN_RECV"
    peer.inject("P.", 1, data=b"GET", ack=1)
    peer.expect(".", 1, ack=4)
    assert listener.accept()[0].recv(10) == b"GET"


def test_accept_waits_for_data_without_the_third_packet(peer: Peer) -> None:
    """没有同名的脚本；tcp(7)。TCP_DEFER_ACCEPT 的用处：第三步就带着数据，一来就交出去。"""
    listener = peer.listen()
    listener.setsockopt(IPPROTO_TCP, TCP_DEFER_ACCEPT, 5)
    peer.inject("S", options=SYN_OPTIONS)
    peer.expect("S.", ack=1)
    peer.inject("P.", 1, data=b"GET", ack=1)
    peer.expect(".", 1, ack=4)
    assert listener.accept()[0].recv(10) == b"GET"


def idle(ticking: Peer) -> TracedSocket:
    """安静一秒就要探测的连接，至多探测一次。"""
    conn = ticking.accepted()
    for option in (TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT):
        conn.setsockopt(IPPROTO_TCP, option, 1)
    conn.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
    return conn
