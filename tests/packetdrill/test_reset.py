"""RST：该发的，不该发的；收到的哪些算数，哪些只换来一个 challenge ACK（RFC 5961 §3.2），哪些不理。"""

from __future__ import annotations

from errno import errorcode
from socket import SO_ERROR, SOL_SOCKET

import pytest

from sockscope.live.socket import TracedSocket

from .peer import SYN_OPTIONS, Peer, fails


def test_reset_of_an_established_connection(peer: Peer) -> None:
    """ligurio：reset/rst-synchronized-established.pkt。序号正好的 RST：连接没了，读到 ECONNRESET。"""
    conn = peer.accepted()
    peer.inject("R.", 1, ack=1)
    assert peer.states()[-1] == "CLOSE"
    fails("ECONNRESET", conn.recv, 1000)
    assert conn.recv(1000) == b""


def test_reset_exactly_on_the_left_edge(peer: Peer) -> None:
    """freebsd：rcv-rst-established-left-edge-secure-ipv4.pkt。不带 ACK 的 RST，序号正好，也算数。"""
    sock = peer.connected()
    peer.inject("R", 1)
    assert errno_of(sock) == "ECONNRESET"


def test_reset_inside_the_window(peer: Peer) -> None:
    """freebsd：rcv-rst-established-right-edge-secure-ipv4.pkt。在窗口里而不正好：challenge ACK，连接还在。"""
    sock = peer.connected()
    peer.inject("R", 10000)
    peer.expect(".", 1, ack=1)
    assert errno_of(sock) == ""
    sock.close()
    peer.expect("F.", 1, ack=1)


def test_reset_outside_the_window(peer: Peer) -> None:
    """freebsd：rcv-rst-established-outside-right-secure-ipv4.pkt。在窗口外面：不理。"""
    sock = peer.connected()
    peer.inject("R", 200_000)
    peer.quiet()
    assert errno_of(sock) == ""


def test_syn_of_an_established_connection(peer: Peer) -> None:
    """freebsd：rcv-syn-established-right-edge-secure-ipv4.pkt。连着的时候又来一个 SYN：challenge ACK（RFC 5961 §4.2）。"""
    sock = peer.connected()
    peer.inject("S", 1000)
    peer.expect(".", 1, ack=1)
    assert errno_of(sock) == ""


def test_reset_of_a_half_open_connection(peer: Peer) -> None:
    """ligurio：reset/rst-non-synchronized.pkt。SYN_RECV 里来了 RST：回到原来，再来的 SYN 照样连上。"""
    listener = peer.listen()
    peer.inject("S", options=SYN_OPTIONS)
    peer.expect("S.", ack=1)
    peer.inject("R", 1)
    peer.fresh()
    conn = peer.accepted()
    assert listener.fileno() > 0
    assert conn.send(bytes(1000)) == 1000
    peer.expect("P.", 1, length=1000, ack=1)
    peer.inject(".", 1, ack=1001)


def test_reset_answering_a_syn(peer: Peer) -> None:
    """freebsd：rcv-rst-ack-without-data-syn-sent-ack-{left-edge,outside-right}-ipv4.pkt。确认了 SYN 的 RST 才算数：ECONNREFUSED。

    不同：脚本各问一半；这里先来一个确认得不对的（不理），再来一个对的。
    """
    sock = peer.connecting()
    peer.inject("R.", 0, ack=2)
    assert errno_of(sock) == ""
    peer.inject("R.", 0, ack=1)
    assert errno_of(sock) == "ECONNREFUSED"


def test_reset_without_acknowledgement_answering_a_syn(peer: Peer) -> None:
    """ligurio：reset/rst-syn-sent.pkt。SYN_SENT 里不带 ACK 的 RST 不算数：还在连。

    不同：不等三秒以后的重传，换成正常的 SYN-ACK，照样连上。
    """
    sock = peer.connecting()
    peer.inject("R", 0, options=SYN_OPTIONS)
    assert errno_of(sock) == ""
    peer.inject("S.", ack=1, options=SYN_OPTIONS)
    peer.expect(".", 1, ack=1)


def test_reset_after_fin(peer: Peer) -> None:
    """ligurio：reset/rst_sync_close_wait.pkt。对端说完以后又 RST：写 EPIPE（Linux 在 CLOSE_WAIT 里把 ECONNRESET 换成它）。

    不同：脚本的 RST 带着 ack 却没有 ACK 标志，这里不写。
    """
    conn = peer.accepted()
    peer.inject("F.", 1, ack=1)
    peer.expect(".", 1, ack=2)
    peer.inject("R", 2)
    fails("EPIPE", conn.send, bytes(1000))


def test_reset_in_fin_wait_1(peer: Peer) -> None:
    """ligurio：reset/rst-sync-est-fin-wait-1.pkt。close() 以后来了 RST：连接当场没了，再来的得到 RST。

    不同：脚本接着写一个已经关掉的描述符，那是另一回事；这里问内核还记不记得这条连接。
    """
    conn = peer.accepted()
    peer.listener.close()
    conn.close()
    peer.expect("F.", 1, ack=1)
    peer.inject("R", 1)
    peer.inject(".", 1, ack=2)
    peer.expect("R", 2)


def test_reset_with_unread_data(peer: Peer) -> None:
    """google：fastopen/server/reset-non-tfo-socket.pkt（换成普通的连接）。RST 以前收到的数据，accept 以后仍读得到。"""
    listener = peer.listen()
    peer.handshake()
    peer.inject(".", 1, data=10, ack=1)
    peer.expect(".", 1, ack=11)
    peer.inject("R.", 11, ack=1)
    conn, _ = listener.accept()
    fails("ECONNRESET", conn.send, bytes(100))
    assert len(conn.recv(512)) == 10
    assert conn.recv(512) == b""


@pytest.mark.parametrize(("flags", "ack", "answer"), [
    ("S", None, ("R.", None, 1)), (".", 34, ("R", 34, None)), ("F.", 34, ("R", 34, None)), ("R", None, None)])
def test_closed_port(peer: Peer, flags: str, ack: int | None, answer: tuple[str, int | None, int | None] | None) -> None:
    """freebsd：rcv-{syn,ack,fin-ack,rst}-without-data-closed-ipv4.pkt。没有人听的端口：除了 RST，都答 RST。

    带 ACK 的，RST 的序号取它的确认号；不带的，序号写 0，确认到它为止（RFC 9293 §3.10.7.1）。
    """
    peer.inject(flags, 0, ack=ack)
    if answer is not None:
        said, seq, acked = answer
        peer.expect(said, seq or 0, ack=acked)


@pytest.mark.parametrize(("flags", "answer"), [(".", "R"), ("-", None), ("R", None), ("S.", "R"), ("SR", None)])
def test_listener_gets_something_strange(peer: Peer, flags: str, answer: str | None) -> None:
    """ligurio：listen/listen-incoming-{ack,no-tcp-flags,rst,syn-ack,syn-rst}.pkt。监听的收到怪段：有 ACK 的答 RST。

    别的不理。随后正常的 SYN 照样连上。
    """
    peer.listen()
    peer.inject(flags, 0, ack=0 if "." in flags else None, options=SYN_OPTIONS)
    if answer:
        peer.expect(answer, 0)
    peer.accepted()


def test_reset_carries_the_timestamp(peer: Peer) -> None:
    """google：ts_recent/reset_tsval.pkt。没读完就 close()：RST 也带着时间戳，回应的是对端最新的一个。

    不同：不等一秒，所以只比回应的值，不比自己的钟走了多少。
    """
    conn = peer.accepted(options=[("MSS", 1000), ("SAckOK", b""), ("Timestamp", (100, 0))], stamp=200)
    peer.inject(".", 1, data=1000, ack=1, options=peer.stamped(201))
    assert peer.expect(".", 1, ack=1001).options["Timestamp"][1] == 201
    conn.close()
    assert peer.expect("R.", 1, ack=1001).options["Timestamp"][1] == 201


def errno_of(sock: TracedSocket) -> str:
    """SO_ERROR 的名字；没有出错则为空串。"""
    return errorcode.get(sock.getsockopt(SOL_SOCKET, SO_ERROR), "")
