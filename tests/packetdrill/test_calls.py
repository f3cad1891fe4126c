"""调用：会等的、不会等的；攒着的小段；段的大小；紧急数据；问内核还有多少没读。"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
from pathlib import Path
from socket import (
    IPPROTO_TCP,
    MSG_EOR,
    MSG_MORE,
    MSG_OOB,
    SO_SNDBUF,
    SOL_SOCKET,
    TCP_CORK,
    TCP_MAXSEG,
    TCP_NODELAY,
    TCP_NOTSENT_LOWAT,
)

from sockscope.live.socket import TracedSocket

from .peer import PORT, SYN_OPTIONS, Peer, fails

UNSACKED = (("MSS", 1000), ("WScale", 7))
TCP_INQ = TCP_CM_INQ = 36  # <linux/tcp.h>
MD5 = 19  # 选项的编号（RFC 2385）


# ---------------------------------------------------------------- 会等的

def test_accept_blocks(peer: Peer) -> None:
    """google：blocking/blocking-accept.pkt。accept() 等到第三步才返回。"""
    listener, found = peer.listen(), []
    peer.kernel.spawn(lambda: found.append(listener.accept()[0]))
    peer.inject("S", options=UNSACKED)
    peer.expect("S.", ack=1, options={"MSS": 1460, "SAckOK": None})
    assert not found
    peer.inject(".", 1, ack=1)
    assert found[0].send(bytes(2000)) == 2000
    peer.expect_data(1, 2001, ack=1)
    peer.inject(".", 1, ack=2001)


def test_connect_blocks(peer: Peer) -> None:
    """google：blocking/blocking-connect.pkt。connect() 等到 SYN-ACK 才返回。"""
    sock, done = peer.kernel.socket(), []
    peer.kernel.spawn(lambda: done.append(sock.connect((peer.address, PORT))))
    peer.expect("S", options={"MSS": 1460, "SAckOK": b""})
    assert not done
    peer.inject("S.", ack=1, window=5792, options=[("MSS", 1460), ("WScale", 2), ("SAckOK", b"")])
    peer.expect(".", 1, ack=1)
    assert done == [None]


def test_read_blocks(peer: Peer) -> None:
    """google：blocking/blocking-read.pkt。没有数据，读就等；够了才返回，已经有的当即返回。"""
    conn, sizes = peer.accepted(options=UNSACKED), []
    peer.kernel.spawn(lambda: sizes.extend(len(conn.recv(2000)) for _ in range(2)))
    for first in (1, 2001):
        assert len(sizes) == first // 2000
        peer.inject("P.", first, data=2000, ack=1)
        peer.expect(".", 1, ack=first + 2000)
    assert sizes == [2000, 2000]
    peer.inject("P.", 4001, data=2000, ack=1)
    peer.expect(".", 1, ack=6001)
    assert [len(conn.recv(1000)) for _ in range(2)] == [1000, 1000]


def test_write_blocks(peer: Peer) -> None:
    """google：blocking/blocking-write.pkt。发送缓冲区装不下：写等着，确认腾出地方才返回。

    不同：脚本算准第几个确认叫醒它，那要看每个内核怎样记账；这里确认到叫醒为止，再看一个字节不少。
    """
    conn, done = peer.accepted(options=[("MSS", 1000), ("WScale", 0)], syn_window=50000, window=50000), []
    conn.setsockopt(SOL_SOCKET, SO_SNDBUF, 21000)
    assert conn.getsockopt(SOL_SOCKET, SO_SNDBUF) == 42000
    peer.kernel.spawn(lambda: done.append(conn.send(bytes(61000))))
    peer.expect_data(1, 10001, ack=1)
    assert not done
    received = 10001
    while received < 61001:
        peer.inject(".", 1, ack=received, window=50000)
        assert not peer.inbox.empty()
        while not peer.inbox.empty():
            heard = peer.heard()
            assert heard.seq == received
            received += heard.length
    peer.inject(".", 1, ack=61001, window=50000)
    assert done == [61000]


def test_queue_of_the_listener_is_full(peer: Peer) -> None:
    """没有同名的脚本；listen(2)。listen(1) 容得下两条没有 accept 的连接，第三个 SYN 不理；accept 一条，又容得下。"""
    listener = peer.listen(1)
    for _ in range(2):
        peer.handshake()
        peer.fresh()
    peer.inject("S", options=SYN_OPTIONS)
    peer.quiet()
    listener.accept()
    peer.handshake()


# ---------------------------------------------------------------- 攒着的小段

def test_nodelay(peer: Peer) -> None:
    """google：nagle/https_client.pkt。TCP_NODELAY：不满一段的尾巴不等确认。"""
    sock = peer.connected(window=5792, options=[("MSS", 974), *SYN_OPTIONS[1:]], TCP_NODELAY=1)
    assert sock.send(bytes(517)) == 517
    peer.expect("P.", 1, length=517, ack=1)
    peer.inject(".", 1, ack=518, window=229)
    peer.inject("P.", 1, data=143, ack=518, window=229)
    peer.expect(".", 518, ack=144)
    assert sock.send(bytes(51)) == 51
    peer.expect("P.", 518, length=51, ack=144)
    assert sock.send(bytes(2002)) == 2002
    peer.expect_data(569, 2571, ack=144, mss=974)
    peer.inject(".", 144, ack=2571, window=229)


def test_nagle(peer: Peer) -> None:
    """google：nagle/https_client.pkt（反过来：它的注释里说的）。没有 TCP_NODELAY，尾巴要等前面的都确认。"""
    sock = peer.connected(options=[("MSS", 974), *SYN_OPTIONS[1:]])
    assert sock.send(bytes(51)) == 51
    peer.expect("P.", 1, length=51, ack=1)
    assert sock.send(bytes(2002)) == 2002
    peer.expect_data(52, 2000, ack=1, mss=974)
    peer.quiet()
    peer.inject(".", 1, ack=2000)
    peer.expect("P.", 2000, length=54, ack=1)
    peer.inject(".", 1, ack=2054)


def test_cork(peer: Peer) -> None:
    """google：nagle/sockopt_cork_nodelay.pkt。TCP_CORK 攒着；拔掉塞子，或设 TCP_NODELAY，就放出来；MSG_MORE 也一样。"""
    conn = peer.accepted(options=UNSACKED)
    for first, release in ((1, (TCP_CORK, 0)), (81, (TCP_NODELAY, 1))):
        conn.setsockopt(IPPROTO_TCP, TCP_CORK, 1)
        assert (conn.send(bytes(40)), conn.send(bytes(40))) == (40, 40)
        peer.quiet()
        conn.setsockopt(IPPROTO_TCP, *release)
        peer.expect("P.", first, length=80, ack=1)
        peer.inject(".", 1, ack=first + 80)
    conn.setsockopt(IPPROTO_TCP, TCP_CORK, 0)
    assert (conn.send(bytes(40), MSG_MORE), conn.send(bytes(40), MSG_MORE)) == (40, 40)
    peer.quiet()
    conn.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    peer.expect_data(161, 241, ack=1)
    peer.inject(".", 1, ack=241)


def test_more_is_coming(peer: Peer) -> None:
    """google：nagle/sendmsg_msg_more.pkt 的中段。MSG_MORE 攒着，比 TCP_NODELAY 管用；不带它的一次放出全部；满一段的先走。

    不同：不做“攒了 200 毫秒还是发了”那一步，这里的重传定时器停着。
    """
    conn = peer.accepted(options=UNSACKED)
    conn.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    for parts in ([100], [160], [100, 200, 195]):
        assert conn.sendmsg([bytes(size) for size in parts], [], MSG_MORE) == sum(parts)
    peer.quiet()
    assert conn.sendmsg([bytes(5)]) == 5
    peer.expect("P.", 1, length=760, ack=1)
    peer.inject(".", 1, ack=761)
    assert conn.sendmsg([bytes(3100)], [], MSG_MORE) == 3100
    peer.expect_data(761, 3761, ack=1)
    assert conn.sendmsg([bytes(50)], [], MSG_MORE) == 50
    peer.quiet()
    assert conn.send(bytes(20)) == 20
    peer.expect("P.", 3761, length=170, ack=1)
    peer.inject(".", 1, ack=3931)


def test_end_of_record(peer: Peer) -> None:
    """google：eor/no-coalesce-small.pkt。MSG_EOR 的那一块后面不再接别的：段在那里断开。"""
    conn = peer.accepted(window=514)
    assert (conn.send(bytes(10400)), conn.send(bytes(400), MSG_EOR), conn.send(bytes(10000))) == (10400, 400, 10000)
    peer.expect_data(1, 10001, ack=1)
    peer.inject(".", 1, ack=10001, window=514)
    peer.expect_data(10001, 10801, ack=1)
    peer.expect_data(10801, 20801, ack=1)
    peer.inject(".", 1, ack=20801, window=514)


def test_empty_parts(peer: Peer) -> None:
    """google：syscall_bad_arg/sendmsg-empty-iov.pkt。sendmsg() 里空的几块跳过。不同：不用 MSG_ZEROCOPY。"""
    conn = peer.accepted(options=UNSACKED)
    conn.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    for first, parts in ((1, (0, 40, 0, 20)), (61, (0, 10, 0, 50))):
        assert conn.sendmsg([bytes(size) for size in parts]) == 60
        peer.expect("P.", first, length=60, ack=1)
        peer.inject(".", 1, ack=first + 60)
        assert conn.sendmsg([b""] * 4) == 0


# ---------------------------------------------------------------- 段的大小

def test_segment_size_is_the_peers(peer: Peer) -> None:
    """google：mss/mss-getsockopt-tcp_maxseg-server.pkt。对端说 1100，TCP_MAXSEG 就是 1100。"""
    conn = peer.accepted(options=[("MSS", 1100), ("WScale", 8)])
    assert conn.getsockopt(IPPROTO_TCP, TCP_MAXSEG) == 1100


def test_segment_size_of_a_client(peer: Peer) -> None:
    """google：mss/mss-setsockopt-tcp_maxseg-client.pkt。自己设 1100：SYN 里这样说，发的时候也不超过它。"""
    sock = peer.connected(mss=1100, TCP_MAXSEG=1100, options=[("MSS", 1460), ("WScale", 7)], window=32792)
    assert sock.getsockopt(IPPROTO_TCP, TCP_MAXSEG) == 1100
    assert sock.send(bytes(12000)) == 12000
    peer.expect_data(1, 11001, ack=1, mss=1100)
    peer.inject(".", 1, ack=11001)
    peer.expect("P.", 11001, length=1000, ack=1)
    peer.inject(".", 1, ack=12001)


def test_segment_size_of_a_server(peer: Peer) -> None:
    """google：mss/mss-setsockopt-tcp_maxseg-server.pkt。设在监听套接字上，SYN-ACK 就这样说，连接也照它切。"""
    peer.listen().setsockopt(IPPROTO_TCP, TCP_MAXSEG, 1100)
    conn = peer.accepted(options=[("MSS", 1300), ("WScale", 7)])
    assert peer.told[0][1].options["MSS"] == 1100
    assert conn.send(bytes(12000)) == 12000
    peer.expect_data(1, 11001, ack=1, mss=1100)
    peer.inject(".", 1, ack=11001)
    peer.expect("P.", 11001, length=1000, ack=1)
    peer.inject(".", 1, ack=12001)


# ---------------------------------------------------------------- 收到的

def unread(conn: TracedSocket) -> int:
    """SIOCINQ：还有几个字节没读。"""
    return int(struct.unpack("=i", fcntl.ioctl(conn.fileno(), termios.FIONREAD, bytes(4)))[0])


def test_how_much_is_unread(peer: Peer) -> None:
    """google：ioctl/ioctl-siocinq-fin.pkt。SIOCINQ 数的是数据，结尾（FIN）不算一个字节。"""
    conn = peer.accepted(options=[("MSS", 1000), ("SAckOK", b"")])
    for first, flags, ack in ((1, "P.", 1001), (1001, "FP.", 2002)):
        peer.inject(flags, first, data=1000, ack=1)
        peer.expect(".", 1, ack=ack)
        assert unread(conn) == 1000
        assert len(conn.recv(1000)) == 1000
        assert unread(conn) == 0


def test_how_much_is_left(peer: Peer) -> None:
    """google：inq/client.pkt。TCP_INQ：每次 recvmsg() 顺便说还剩多少；结尾算一个。不同：对端没有时间戳。"""
    sock = peer.connected()
    sock.setsockopt(IPPROTO_TCP, TCP_INQ, 1)
    peer.inject(".", 1, data=10000, ack=1)
    peer.expect(".", 1, ack=10001)
    assert [told(sock, size) for size in (1000, 9000)] == [(1000, 9000), (9000, 0)]
    peer.inject("F.", 10001, data=10000, ack=1)
    peer.expect(".", 1, ack=20002)
    assert told(sock, 10000) == (10000, 1)
    assert sock.recv(2000) == b""


def told(sock: TracedSocket, size: int) -> tuple[int, int]:
    """读到几个字节，内核说还剩几个。"""
    data, ancillary, _flags, _address = sock.recvmsg(size, 64)
    return len(data), next(struct.unpack("=i", value)[0] for level, kind, value in ancillary
                           if (level, kind) == (IPPROTO_TCP, TCP_CM_INQ))


def test_segment_without_flags(peer: Peer) -> None:
    """google：validate/validate-established-no-flags.pkt。连接上来的段没有 ACK 标志：丢掉。"""
    conn = peer.accepted(options=[("MSS", 1000), ("SAckOK", b"")])
    peer.inject("-", 1, data=1000)
    assert unread(conn) == 0
    peer.inject(".", 1, data=1000, ack=1)
    peer.expect(".", 1, ack=1001)
    assert unread(conn) == 1000


def test_acknowledgement_of_what_was_not_sent(peer: Peer) -> None:
    """google：ts_recent/invalid_ack.pkt。确认了没有发过的：整个段丢掉，它的时间戳也不算数。"""
    peer.accepted(options=[("MSS", 1000), ("SAckOK", b""), ("Timestamp", (100, 0))], stamp=200)
    peer.inject("F.", 1, ack=9999, options=peer.stamped(200_000))
    peer.inject(".", 1, data=1000, ack=1, options=peer.stamped(201))
    while (heard := peer.heard()).ack == 1:  # 有的内核当场答一个 challenge ACK（RFC 5961 §5.2）
        assert heard.options["Timestamp"][1] == 200
    assert (heard.flags, heard.seq, heard.ack, heard.options["Timestamp"][1]) == (".", 1, 1001, 201)


def test_edge_triggered(peer: Peer) -> None:
    """google：epoll/epoll_in_edge.pkt。EPOLLET：来了新数据就说一次，读没读完都一样；没有新的就不说。"""
    conn = peer.accepted()
    with select.epoll() as watching:
        watching.register(conn.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        assert watching.poll(0) == [(conn.fileno(), select.EPOLLOUT)]
        for first, last in ((1, 4001), (4001, 10001), (10001, 12001)):
            assert watching.poll(0) == []
            peer.inject("P.", first, data=last - first, ack=1)
            peer.expect(".", 1, ack=last)
            assert watching.poll(0) == [(conn.fileno(), select.EPOLLIN | select.EPOLLOUT)]
            conn.recv(1000)
        assert watching.poll(0) == []


def test_unsent_low_water(peer: Peer) -> None:
    """google：notsent_lowat/notsent-lowat-setsockopt.pkt。TCP_NOTSENT_LOWAT：还没发出去的不到这么多，才算可写。

    不同：缓冲区的大小不同，所以不比一次写进几个字节；只看确认腾出窗口以前不可写，以后可写。
    """
    conn = peer.accepted()
    conn.setsockopt(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4000)
    assert conn.getsockopt(IPPROTO_TCP, TCP_NOTSENT_LOWAT) == 4000
    conn.setblocking(False)
    written = conn.send(bytes(59000))
    assert 14000 <= written < 59000
    peer.expect_data(1, 10001, ack=1)
    assert select.select([], [conn], [], 0)[1] == []
    peer.inject(".", 1, ack=10001, window=514)
    peer.expect_data(10001, written + 1, ack=1)
    assert select.select([], [conn], [], 0)[1] == [conn]
    peer.inject(".", 1, ack=written + 1)


def test_sendfile(peer: Peer, tmp_path: Path) -> None:
    """google：sendfile/sendfile-simple.pkt。os.sendfile()：文件里的五个字节成为一个段。"""
    (tmp_path / "five").write_bytes(bytes(5))
    conn = peer.accepted(window=514)
    with open(tmp_path / "five", "rb") as file:
        assert os.sendfile(conn.fileno(), file.fileno(), 0, 5) == 5
    peer.expect("P.", 1, length=5, ack=1)
    peer.inject(".", 1, ack=6)


def test_signature_on_the_third_packet_only(peer: Peer) -> None:
    """google：md5/md5-only-on-client-ack.pkt。SYN 没有 MD5 选项，第三步却带着：不管内核理不理会，随后正常的确认都连得上。"""
    listener = peer.listen()
    peer.inject("S", options=SYN_OPTIONS)
    peer.expect("S.", ack=1)
    for _ in range(2):
        peer.inject(".", 1, ack=1, window=514, options=[(MD5, bytes(range(16)))])
    peer.inject(".", 1, ack=1, window=514)
    conn, _ = listener.accept()
    assert conn.send(bytes(1000)) == 1000
    peer.expect("P.", 1, length=1000, ack=1)
    peer.inject(".", 1, ack=1001)


# ---------------------------------------------------------------- 紧急数据

def test_urgent_data_is_sent(peer: Peer) -> None:
    """没有同名的脚本；RFC 6093 §3.1。MSG_OOB：段上有 URG，紧急指针指着最后一个字节的后面。"""
    conn = peer.accepted()
    assert conn.send(b"abc", MSG_OOB) == 3
    peer.expect("PU.", 1, length=3, ack=1, urgent=3)
    peer.inject(".", 1, ack=4)


def test_urgent_data_is_received(peer: Peer) -> None:
    """没有同名的脚本；tcp(7)。紧急指针前面的一个字节单独放着，别的照常读；没有了就是 EINVAL。"""
    conn = peer.accepted()
    peer.inject("PU.", 1, data=b"abc", ack=1, urgent=3)
    peer.expect(".", 1, ack=4)
    assert (conn.recv(1, MSG_OOB), conn.recv(10)) == (b"c", b"ab")
    fails("EINVAL", conn.recv, 1, MSG_OOB)
