"""窗口：零窗口与探测，重新打开，缩小，接收的一方满了；窗口之外的确认。"""

from __future__ import annotations

import platform
from socket import SO_RCVBUF, SOL_SOCKET

import pytest

from .peer import Peer, is_older_than

PLAIN = (("MSS", 1000), ("SAckOK", b""))  # 没有 wscale：脚本里的 win 就是字节


def test_zero_window_from_the_start(peer: Peer) -> None:
    """google：tcp_info/tcp-info-rwnd-limited.pkt。SYN-ACK 里窗口就是 0：写得进，发不出；打开了才发；小得可怜的窗口也不发。

    不同：不比 tcpi_rwnd_limited 的毫秒数。
    """
    sock = peer.connected(window=0, options=PLAIN)
    assert sock.send(bytes(1000)) == 1000
    peer.quiet()
    peer.inject(".", 1, ack=1, window=2000)
    peer.expect("P.", 1, length=1000, ack=1)
    peer.inject(".", 1, ack=1001, window=10)
    assert sock.send(bytes(1000)) == 1000
    peer.quiet()
    peer.inject(".", 1, ack=1001, window=2000)
    peer.expect("P.", 1001, length=1000, ack=1)
    peer.inject(".", 1, ack=2001, window=2000)


@pytest.mark.slow
def test_zero_window_probes(ticking: Peer) -> None:
    """google：slow_start/slow-start-after-win-update.pkt 的后半。窗口是 0：探测是旧序号上的空段；答“还是 0”，过一会再问。

    不同：一开始窗口就是 0，前面的慢启动不看；等的是内核自己的定时器，不比毫秒。
    """
    conn = ticking.accepted(window=0)
    assert conn.send(bytes(1000)) == 1000
    for _ in range(2):
        ticking.expect(".", 0, ack=1)
        ticking.inject(".", 1, ack=1, window=0)
    ticking.inject(".", 1, ack=1, window=511)
    ticking.expect("P.", 1, length=1000, ack=1, besides=(".", 0))
    ticking.inject(".", 1, ack=1001, window=511)
    assert [p.note for p in ticking.net.trace.sent_by("kernel") if p.seq == 0 and "SYN" not in p.flags] == ["window probe"] * 2


def test_window_update_releases_what_was_held(peer: Peer) -> None:
    """google：slow_start/slow-start-after-win-update.pkt 的开头与结尾。确认了全部数据却关上窗口，再打开：剩下的一起走。"""
    conn = peer.accepted(window=511)
    assert conn.send(bytes(5000)) == 5000
    peer.expect_data(1, 5001, ack=1)
    peer.inject(".", 1, ack=5001, window=0)
    assert conn.send(bytes(5000)) == 5000
    peer.quiet()
    peer.inject(".", 1, ack=5001, window=511)
    peer.expect_data(5001, 10001, ack=1)
    peer.inject(".", 1, ack=10001, window=511)


def test_window_shrinks(peer: Peer) -> None:
    """没有同名的脚本；RFC 9293 §3.8.6。对端把给过的窗口收回一截：在路上的不收回，新的等确认到了新的右边界才走。"""
    conn = peer.accepted(options=PLAIN, window=4000)
    assert conn.send(bytes(8000)) == 8000
    peer.expect_data(1, 4001, ack=1)
    peer.inject(".", 1, ack=1001, window=1000)
    peer.quiet()
    peer.inject(".", 1, ack=4001, window=0)
    peer.quiet()
    peer.inject(".", 1, ack=4001, window=2000)
    peer.expect_data(4001, 6001, ack=1)
    peer.inject(".", 1, ack=6001, window=2000)
    peer.expect_data(6001, 8001, ack=1)
    peer.inject(".", 1, ack=8001, window=2000)


def test_fin_into_a_closed_window(peer: Peer) -> None:
    """linux：tcp_rcv_zero_wnd_fin.pkt。接收缓冲区满了，窗口 0，来的只有一个 FIN：收下它。"""
    peer.listen().setsockopt(SOL_SOCKET, SO_RCVBUF, 20000)
    peer.accepted()
    peer.inject("P.", 1, data=60000, ack=1)
    peer.expect(".", 1, ack=60001, window=0)
    peer.inject("F.", 60001, ack=1)
    answer = peer.heard()
    if answer.ack == 60001 and is_older_than((6, 12)):
        pytest.skip(f"这个内核（{platform.release()}）窗口是 0 就不收 FIN。补救：换 Linux 6.12 以后的内核。")
    assert (answer.flags, answer.seq, answer.ack, answer.window) == (".", 1, 60002, 0)


def test_reading_reopens_the_window(peer: Peer) -> None:
    """linux：tcp_rcv_wnd_shrink_nomem.pkt 里“Read all data”那一步。缓冲区满了说 0；读走以后，内核自己说一声打开了。"""
    peer.listen().setsockopt(SOL_SOCKET, SO_RCVBUF, 20000)
    conn = peer.accepted()
    peer.inject("P.", 1, data=60000, ack=1)
    peer.expect(".", 1, ack=60001, window=0)
    assert len(conn.recv(60000)) == 60000
    assert peer.expect(".", 1, ack=60001).window > 0


def test_acknowledgement_out_of_window(peer: Peer) -> None:
    """linux：tcp_rfc5961_ack-out-of-window.pkt 的下边界。确认了太久以前的，丢掉，答一个 challenge ACK（RFC 5961 §5.2）。

    不同：上边界（确认了还没发的）要更新的内核，这里不问；对端的窗口只有 1000，内核按它的一半切段。
    """
    peer.kernel.sysctl("tcp_invalid_ratelimit", 0)
    conn = peer.accepted(options=PLAIN, syn_window=1000, window=1000)
    assert conn.send(bytes(2000)) == 2000
    peer.expect_data(1, 1001, ack=1, mss=500)
    peer.inject(".", 1, ack=1001, window=1000)
    peer.expect_data(1001, 2001, ack=1, mss=500)
    peer.inject(".", 1, ack=2001, window=1000)
    peer.inject(".", 1, ack=1000, window=1000)
    peer.expect(".", 2001, ack=1)
