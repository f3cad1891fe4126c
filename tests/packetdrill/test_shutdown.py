"""shutdown()：读的一半，写的一半，两半；之后的数据、队列里还有的数据。"""

from __future__ import annotations

from socket import MSG_DONTWAIT, SHUT_RD, SHUT_RDWR, SHUT_WR

from .peer import Peer, fails


def test_read_half(peer: Peer) -> None:
    """google：shutdown/shutdown-rd-close.pkt。SHUT_RD 以后读到结尾，网线上什么也没有，写照旧。"""
    conn = peer.accepted()
    conn.shutdown(SHUT_RD)
    assert conn.recv(1000) == b""
    assert conn.send(bytes(1000)) == 1000
    peer.expect("P.", 1, length=1000, ack=1)
    peer.inject(".", 1, ack=1001)
    conn.close()
    peer.expect("F.", 1001, ack=1)
    peer.inject(".", 1, ack=1002)
    peer.inject("F.", 1, ack=1002)
    peer.expect(".", 1002, ack=2)


def test_read_half_still_receives(peer: Peer) -> None:
    """google：shutdown/shutdown-rd-wr-close.pkt。SHUT_RD 以后来的数据照收照确认，而且读得到；再 SHUT_WR。"""
    conn = peer.accepted()
    conn.shutdown(SHUT_RD)
    assert conn.recv(1000) == b""
    peer.inject(".", 1, data=1000, ack=1)
    peer.expect(".", 1, ack=1001)
    assert len(conn.recv(1000)) == 1000
    assert conn.send(bytes(1000)) == 1000
    peer.expect("P.", 1, length=1000, ack=1001)
    peer.inject(".", 1001, ack=1001)
    conn.shutdown(SHUT_WR)
    peer.expect("F.", 1001, ack=1001)
    peer.inject(".", 1001, ack=1002)
    fails("EPIPE", conn.send, bytes(1000))
    conn.close()
    peer.inject("F.", 1001, ack=1002)
    peer.expect(".", 1002, ack=1002)


def test_both_halves(peer: Peer) -> None:
    """google：shutdown/shutdown-rdwr-close.pkt。SHUT_RDWR：一个 FIN，读到结尾，写 EPIPE。"""
    conn = peer.accepted()
    conn.shutdown(SHUT_RDWR)
    peer.expect("F.", 1, ack=1)
    peer.inject(".", 1, ack=2)
    assert conn.recv(1000) == b""
    fails("EPIPE", conn.send, bytes(1000))
    conn.close()
    peer.inject("F.", 1, ack=2)
    peer.expect(".", 2, ack=2)


def test_both_halves_with_data_unacknowledged(peer: Peer) -> None:
    """google：shutdown/shutdown-rdwr-write-queue-close.pkt。还没确认的数据在前，FIN 跟在后面，close() 也等它们。

    不同：脚本还等一次尾部丢失探测（TLP）重发 FIN，这里的参数表把它关了；脚本写 10000，正好用完拥塞窗口，
    FIN 还能不能跟着走各个内核不一样，所以这里写 9000。
    """
    conn = peer.accepted()
    assert conn.send(bytes(9000)) == 9000
    peer.expect_data(1, 9001, ack=1)
    conn.shutdown(SHUT_RDWR)
    peer.expect("F.", 9001, ack=1)
    assert conn.recv(1000) == b""
    fails("EPIPE", conn.send, bytes(1000))
    conn.close()
    peer.quiet()
    peer.inject(".", 1, ack=9002)
    peer.inject("F.", 1, ack=9002)
    peer.expect(".", 9002, ack=2)


def test_both_halves_with_data_unsent(peer: Peer) -> None:
    """google：shutdown/shutdown-rdwr-send-queue-ack-close.pkt。拥塞窗口不够，FIN 排在没发完的数据后面。

    不同：没有 TLP（同上），所以最后一段是 12001 起的 8000 个字节。
    """
    conn = peer.accepted()
    assert conn.send(bytes(20000)) == 20000
    peer.expect_data(1, 10001, ack=1)
    conn.shutdown(SHUT_RDWR)
    peer.quiet()
    peer.inject(".", 1, ack=1001)
    peer.expect_data(10001, 12001, ack=1)
    assert conn.recv(1000) == b""
    fails("EPIPE", conn.send, bytes(1000))
    conn.close()
    peer.inject(".", 1, ack=12001)
    peer.expect_data(12001, 19001, ack=1)
    peer.expect("FP.", 19001, length=1000, ack=1)
    peer.inject(".", 1, ack=20002)
    peer.inject("F.", 1, ack=20002)
    peer.expect(".", 20002, ack=2)


def test_write_half(peer: Peer) -> None:
    """google：shutdown/shutdown-wr-close.pkt。SHUT_WR：说完了，还听得见。"""
    conn = peer.accepted()
    conn.shutdown(SHUT_WR)
    peer.expect("F.", 1, ack=1)
    peer.inject(".", 1, ack=2)
    fails("EPIPE", conn.send, bytes(1000))
    peer.inject(".", 1, data=1000, ack=2)
    peer.expect(".", 2, ack=1001)
    assert len(conn.recv(1000)) == 1000
    conn.close()
    peer.inject("F.", 1001, ack=2)
    peer.expect(".", 2, ack=1002)


def test_write_half_twice(peer: Peer) -> None:
    """ligurio：shutdown/shutdown-double-shut-wr.pkt。说完了再说一次：不报错，也不再发。

    不同：脚本记的是 FreeBSD，第二次以后读到结尾；Linux 上读的那一半不受影响，仍是 EAGAIN。
    """
    conn = peer.accepted()
    conn.shutdown(SHUT_WR)
    peer.expect("F.", 1, ack=1)
    peer.inject(".", 1, ack=2)
    fails("EAGAIN", conn.recv, 1000, MSG_DONTWAIT)
    conn.shutdown(SHUT_WR)
    fails("EAGAIN", conn.recv, 1000, MSG_DONTWAIT)
    peer.inject("F.", 1, ack=2)
    peer.expect(".", 2, ack=2)
    assert conn.recv(1000) == b""
