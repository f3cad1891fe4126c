"""Fast Open（RFC 7413）：讨 cookie，带着 cookie 与数据的 SYN，没有确认的数据；两头都做。"""

from __future__ import annotations

from socket import IPPROTO_TCP, MSG_FASTOPEN, SO_KEEPALIVE, SOL_SOCKET, TCP_FASTOPEN, TCP_KEEPIDLE

import pytest

from sockscope.live.socket import TracedSocket

from .peer import FAST_OPEN, PORT, SYN_OPTIONS, Peer, fails

COOKIE, OTHER = bytes.fromhex("abcd1234abcd1234"), bytes.fromhex("1234abcd5678dcba")
TCP_FASTOPEN_CONNECT = 30  # <linux/tcp.h>
CLIENT, SERVER, NO_COOKIE_ASKED, NO_COOKIE_NEEDED = 1, 2, 4, 0x200  # tcp_fastopen 的各位（ip-sysctl.rst）


# ---------------------------------------------------------------- 内核是去连的那一头

def sending(peer: Peer, data: int) -> tuple[TracedSocket, int]:
    """非阻塞的 sendto(MSG_FASTOPEN)：套接字，和收下了几个字节。"""
    sock = peer.kernel.socket()
    sock.setblocking(False)
    return sock, sock.sendto(bytes(data), MSG_FASTOPEN, (peer.address, PORT))


def warmed(peer: Peer, mss: int = 1460, cookie: bytes = COOKIE) -> None:
    """讨一个 cookie，然后把那条连接关掉。"""
    sock = peer.kernel.socket()
    sock.setblocking(False)
    fails("EINPROGRESS", sock.sendto, b"", MSG_FASTOPEN, (peer.address, PORT))
    assert peer.expect("S").cookie == b""
    peer.inject("S.", ack=1, window=5840, options=[("MSS", mss), ("SAckOK", b""), ("WScale", 6), (FAST_OPEN, cookie)])
    peer.expect(".", 1, ack=1)
    sock.close()
    peer.expect("F.", 1, ack=1)
    peer.inject("F.", 1, ack=2)
    peer.expect(".", 2, ack=2)


def test_cookie_is_asked_for_and_used(peer: Peer) -> None:
    """google：fastopen/client/nonblocking-sendto.pkt 的前两段。第一次讨 cookie，第二次数据随 SYN 走。

    不同：时间戳照开着，选项只比 cookie；末尾用 FIN 收场。
    """
    warmed(peer)
    sock, sent = sending(peer, 1000)
    assert sent == 1000
    assert peer.expect("S", 0, length=1000).cookie == COOKIE
    peer.inject("S.", ack=1001, window=14600, options=[("MSS", 940), ("SAckOK", b""), ("WScale", 6), (FAST_OPEN, OTHER)])
    peer.expect(".", 1001, ack=1)
    peer.inject("P.", 1, data=500, ack=1001)
    peer.expect(".", 1001, ack=501)
    assert len(sock.recv(4096)) == 500
    sock.close()
    peer.expect("F.", 1001, ack=501)
    peer.inject("F.", 501, ack=1002)
    peer.expect(".", 1002, ack=502)


def test_size_is_remembered_with_the_cookie(peer: Peer) -> None:
    """google：fastopen/client/nonblocking-sendto.pkt 的第三段。上次的 MSS（940）也记着：SYN 只装得下 940 减 40。

    握手以后 MSG_FASTOPEN 不再有什么意义。
    """
    warmed(peer, mss=940, cookie=OTHER)
    sock, sent = sending(peer, 2000)
    assert sent == 900
    assert peer.expect("S", 0, length=900).cookie == OTHER
    peer.inject("S.", ack=901, window=14600, options=[("MSS", 1460), ("SAckOK", b""), ("WScale", 6)])
    peer.expect(".", 901, ack=1)
    assert sock.sendto(bytes(2000), MSG_FASTOPEN, (peer.address, PORT)) == 2000
    peer.expect_data(901, 2901, ack=1, mss=1460)
    peer.inject(".", 1, ack=2901)


def test_only_the_syn_is_acknowledged(peer: Peer) -> None:
    """google：fastopen/client/syn-data-only-syn-acked.pkt。对端只认 SYN：SYN 里的数据当即重发。"""
    warmed(peer)
    _sock, sent = sending(peer, 700)
    assert sent == 700
    peer.expect("S", 0, length=700)
    peer.inject("S.", ack=1, window=5840, options=[("MSS", 1040), ("SAckOK", b""), ("WScale", 6)])
    peer.expect("P.", 1, length=700, ack=1)
    peer.inject("P.", 1, data=1000, ack=701)
    peer.expect(".", 701, ack=1001)


def test_connect_waits_for_the_first_write(peer: Peer) -> None:
    """google：fastopen/client/nonblocking-connect-bypass.pkt。TCP_FASTOPEN_CONNECT：connect() 不出声，SYN 等第一次写。"""
    warmed(peer)
    sock = peer.kernel.socket()
    sock.setblocking(False)
    sock.setsockopt(IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    sock.connect((peer.address, PORT))
    peer.quiet()
    assert sock.send(bytes(1000)) == 1000
    assert peer.expect("S", 0, length=1000).cookie == COOKIE
    peer.inject("S.", ack=1001, window=5840, options=[("MSS", 940), ("SAckOK", b""), ("WScale", 6)])
    peer.expect(".", 1001, ack=1)


def test_keepalive_before_the_first_write(peer: Peer) -> None:
    """google：fastopen/client/fastopen-connect-keepalive.pkt。SYN 还没有发就设保活、关掉：什么也不发。

    脚本防的是内核在这里崩溃。不同：脚本关以前等一秒；这里不等。
    """
    warmed(peer)
    sock = peer.kernel.socket()
    sock.setsockopt(IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
    sock.connect((peer.address, PORT))
    sock.setsockopt(IPPROTO_TCP, TCP_KEEPIDLE, 5)
    sock.close()
    peer.quiet()


def test_without_a_cookie(peer: Peer) -> None:
    """google：fastopen/client/cookie-less-sendto.pkt 的第一段。tcp_fastopen 的 4：不讨 cookie，数据直接随 SYN 走。"""
    peer.kernel.sysctl("tcp_fastopen", CLIENT | NO_COOKIE_ASKED)
    _sock, sent = sending(peer, 1000)
    assert sent == 1000
    assert peer.expect("S", 0, length=1000).cookie is None
    peer.inject("S.", ack=1001, window=5840, options=SYN_OPTIONS)
    peer.expect(".", 1001, ack=1)


@pytest.mark.slow
def test_retransmitted_syn_asks_no_more(ticking: Peer) -> None:
    """google：fastopen/client/cookie-req-timeout.pkt。讨 cookie 的 SYN 丢了，重发的不再讨；迟来的 cookie 仍旧收下。"""
    sock = ticking.kernel.socket()
    sock.setblocking(False)
    fails("EINPROGRESS", sock.sendto, b"", MSG_FASTOPEN, (ticking.address, PORT))
    assert ticking.expect("S").cookie == b""
    assert ticking.expect("S").cookie is None
    ticking.inject("S.", ack=1, window=60000, options=[("MSS", 1240), (FAST_OPEN, COOKIE)])
    ticking.expect(".", 1, ack=1)
    sock.close()
    ticking.expect("F.", 1, ack=1)
    ticking.inject("F.", 1, ack=2)
    _sock, sent = sending(ticking, 10000)
    assert sent == 1200
    assert ticking.expect("S", 0, length=1200, besides=(".", 2)).cookie == COOKIE


# ---------------------------------------------------------------- 内核是被连的那一头

def listening(peer: Peer, fast: int = SERVER) -> TracedSocket:
    """开着 Fast Open 的监听套接字。"""
    peer.kernel.sysctl("tcp_fastopen", fast)
    listener = peer.listen()
    listener.setsockopt(IPPROTO_TCP, TCP_FASTOPEN, 5)
    return listener


def given(peer: Peer) -> bytes:
    """向内核讨一个 cookie，再换个端口。"""
    peer.inject("S", options=[("MSS", 1460), ("SAckOK", b""), (FAST_OPEN, b"")])
    cookie = peer.expect("S.", ack=1).cookie
    assert cookie
    peer.inject("R", 1)
    peer.fresh()
    return cookie


def opened(peer: Peer, data: int = 10) -> TracedSocket:
    """带着 cookie 与数据的 SYN 已经被收下；交出监听的套接字。"""
    listener = listening(peer)
    cookie = given(peer)
    peer.inject("S", data=data, window=32792, options=[("MSS", 1460), ("SAckOK", b""), (FAST_OPEN, cookie)])
    assert peer.expect("S.", ack=1 + data).cookie is None
    return listener


def test_cookie_belongs_to_the_address(peer: Peer) -> None:
    """google：fastopen/server/simple1.pkt。同一个地址讨两次，是同一个 cookie，用它就不必等握手。

    不同：脚本写死密钥与地址，比 cookie 的每个字节；这里的地址不同，所以比两次的。
    """
    listener = listening(peer)
    cookie = given(peer)
    assert given(peer) == cookie
    peer.inject("S", data=1000, options=[("MSS", 1012), (FAST_OPEN, cookie), ("SAckOK", b"")])
    peer.expect("S.", ack=1001)
    assert len(listener.accept()[0].recv(2000)) == 1000


def test_data_before_the_handshake_is_done(peer: Peer) -> None:
    """google：fastopen/server/opt34/basic-rw.pkt。还没有第三步，就 accept、读、写。"""
    conn, _ = opened(peer).accept()
    assert len(conn.recv(512)) == 10
    assert conn.send(bytes(100)) == 100
    peer.expect("P.", 1, length=100, ack=11)


def test_nothing_in_the_syn(peer: Peer) -> None:
    """google：fastopen/server/opt34/basic-zero-payload.pkt。有 cookie 没有数据：照样当即连上，写得出去，读则等后面的段。"""
    conn, _ = opened(peer, 0).accept()
    assert conn.send(bytes(100)) == 100
    peer.expect("P.", 1, length=100, ack=1)
    read: list[bytes] = []
    peer.kernel.spawn(lambda: read.append(conn.recv(512)))
    assert not read
    peer.inject("P.", 1, data=10, ack=1)
    peer.expect(".", 101, ack=11)
    assert read == [bytes(10)]


def test_cookie_not_required(peer: Peer) -> None:
    """google：fastopen/server/opt34/basic-cookie-not-reqd.pkt。tcp_fastopen 的 0x200：没有 cookie 的 SYN 里，数据也收。"""
    listener = listening(peer, SERVER | NO_COOKIE_NEEDED)
    peer.inject("S", data=1000, window=32792, options=[("MSS", 1460), ("SAckOK", b"")])
    peer.expect("S.", ack=1001)
    conn, _ = listener.accept()
    assert len(conn.recv(1024)) == 1000
    peer.inject(".", 1001, data=1000, ack=1, window=5840)
    peer.expect(".", 1, ack=2001)
    assert len(conn.recv(1024)) == 1000
    conn.send(bytes(1000))
    peer.expect("P.", 1, length=1000, ack=2001)


def test_listener_without_fast_open(peer: Peer) -> None:
    """google：fastopen/server/opt34/basic-non-tfo-listener.pkt。监听的没有开：SYN 里的数据不要，等对端重发。"""
    peer.kernel.sysctl("tcp_fastopen", SERVER)
    listener = peer.listen()
    peer.inject("S", data=10, options=[("MSS", 1460), ("SAckOK", b""), (FAST_OPEN, COOKIE)])
    peer.expect("S.", ack=1)
    peer.inject(".", 1, data=30, ack=1)
    peer.expect(".", 1, ack=31)
    assert len(listener.accept()[0].recv(512)) == 30


def test_reset_before_accept(peer: Peer) -> None:
    """google：fastopen/server/opt34/reset-before-accept.pkt。accept 以前就 RST：仍交得出来，数据读得到，然后 ECONNRESET。"""
    listener = opened(peer)
    peer.inject("R.", 11, ack=1)
    conn, _ = listener.accept()
    assert len(conn.recv(512)) == 10
    fails("ECONNRESET", conn.recv, 512)


@pytest.mark.parametrize("ack", [None, 1])
def test_reset_after_accept(peer: Peer, ack: int | None) -> None:
    """google：fastopen/server/opt34/reset-after-accept.pkt。accept 以后 RST，带不带 ACK 一样：先读到数据，再读是 ECONNRESET。"""
    conn, _ = opened(peer).accept()
    peer.inject("R" if ack is None else "R.", 11, ack=ack)
    assert len(conn.recv(512)) == 10
    fails("ECONNRESET", conn.recv, 512)


def test_reset_then_close_with_unread_data(peer: Peer) -> None:
    """google：fastopen/server/opt34/reset-close-with-unread-data.pkt。已经被 RST 的，没读完就关也不再发 RST。"""
    conn, _ = opened(peer).accept()
    peer.inject("R.", 11, ack=1)
    fails("ECONNRESET", conn.send, bytes(100))
    conn.close()


def test_fin_before_accept(peer: Peer) -> None:
    """google：fastopen/server/opt34/fin-close-socket.pkt。数据与结尾都先到了：CLOSE_WAIT，读得到，关时发 FIN。"""
    listener = opened(peer)
    peer.inject("F.", 11, ack=1)
    peer.expect(".", 1, ack=12)
    conn, _ = listener.accept()
    assert len(conn.recv(512)) == 10
    conn.close()
    peer.expect("F.", 1, ack=12)


def test_close_with_unread_data(peer: Peer) -> None:
    """google：fastopen/server/opt34/unread-data-closed-trigger-rst.pkt。SYN 里的数据没读就关：RST。"""
    conn, _ = opened(peer).accept()
    conn.close()
    peer.expect("R.", 1, ack=11)


def test_listener_closed_before_accept(peer: Peer) -> None:
    """google：fastopen/server/opt34/listener-closed-trigger-rst.pkt。监听的关了，还没 accept 的得到 RST。"""
    opened(peer).close()
    peer.expect("R.", 1, ack=11)
