"""留下记录的套接字：参数、结果、errno、起止、线程；与 socket.socket 的行为分毫不差。"""

from __future__ import annotations

import errno
import selectors
import socket
import threading

import pytest

from sockscope.live import Network
from sockscope.trace import Call


def calls(net: Network, name: str = "") -> list[Call]:
    return [c for c in net.trace.calls if name in ("", c.name)]


def test_a_call_is_written_down_whole(net, connection):
    near, far = connection
    near.sendall(b"hello")
    assert far.recv(1024) == b"hello"
    sent, received = calls(net, "sendall")[0], calls(net, "recv")[0]
    assert (sent.host, sent.socket, sent.args, sent.result, sent.size) == ("client", "s1", "b'hello'", None, 5)
    assert (received.host, received.socket, received.args, received.result) == ("server", "s2", "1024", "b'hello'")
    assert bytes.fromhex(received.data) == b"hello"
    assert received.thread == "main"
    assert 0 <= sent.t < sent.end
    assert received.t < received.end


def test_errors_are_named_by_the_kernel(net, connection):
    near, far = connection
    far.close()
    net.settle()
    near.send(b"into the void")
    net.settle()
    with pytest.raises(BrokenPipeError):
        near.send(b"again")
    assert [c.errno for c in calls(net, "send")] == [None, "EPIPE"]
    assert calls(net, "send")[1].end is not None


def test_connect_ex_returns_a_number_and_the_trace_names_it(net):
    sock = net.client.socket()
    assert sock.connect_ex((net.server.address, 7)) == errno.ECONNREFUSED
    assert calls(net, "connect_ex")[0].result == "ECONNREFUSED"


def test_timeouts_are_python_s_own(net, connection):
    near, _ = connection
    near.settimeout(0.01)
    with pytest.raises(TimeoutError):
        near.recv(1)
    assert calls(net, "recv")[0].errno == "timeout"


def test_python_errors_are_written_down_too(net):
    sock = net.client.socket()
    with pytest.raises(TypeError):
        sock.connect("not an address")
    assert calls(net, "connect")[0].errno == "TypeError"


SPELLINGS = [  # 怎样调用，写成什么
    (lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\5\0\0\0"),
     "setsockopt(SO_LINGER, {l_onoff=1, l_linger=5})"),
    (lambda s: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), "setsockopt(TCP_NODELAY, 1)"),
    (lambda s: s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), "getsockopt(SO_TYPE)"),
    (lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1), "setsockopt(SO_REUSEADDR, 1)"),
    (lambda s: s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 16), "setsockopt(IP_TOS, 16)"),
    (lambda s: s.bind(("0.0.0.0", 80)), "bind(('0.0.0.0', 80))"),
    (lambda s: s.listen(5), "listen(5)"),
    (lambda s: s.listen(), "listen()"),
    (lambda s: s.settimeout(2), "settimeout(2)"),
    (lambda s: s.setblocking(False), "setblocking(False)"),
]


@pytest.mark.parametrize(("do", "spelled"), SPELLINGS, ids=[s for _, s in SPELLINGS])
def test_arguments_are_spelled_as_in_the_manual(net, do, spelled):
    do(net.client.socket())
    call = net.trace.calls[-1]
    assert f"{call.name}({call.args})" == spelled


FLAGGED = [
    (lambda near, far: near.send(b"x", socket.MSG_OOB), "send(b'x', MSG_OOB)"),
    (lambda near, far: near.sendmsg([b"a", b"b"]), "sendmsg([b'a', b'b'])"),
    (lambda near, far: far.recv(9, socket.MSG_DONTWAIT | socket.MSG_PEEK), "recv(9, MSG_DONTWAIT|MSG_PEEK)"),
    (lambda near, far: far.recv_into(bytearray(8)), "recv(8)"),
    (lambda near, far: far.recvmsg(8), "recvmsg(8)"),
    (lambda near, far: near.shutdown(socket.SHUT_WR), "shutdown(SHUT_WR)"),
    (lambda near, far: far.makefile("rb").read(1), "recv(8192)"),
]


@pytest.mark.parametrize(("do", "spelled"), FLAGGED, ids=[s for _, s in FLAGGED])
def test_flags_and_buffers_are_spelled_too(net, connection, do, spelled):
    near, far = connection
    near.send(b"12345678")
    net.settle()
    do(near, far)
    call = net.trace.calls[-1]
    assert f"{call.name}({call.args})" == spelled


def test_long_data_is_shortened_in_words_and_counted_in_full(net, connection):
    near, far = connection
    near.sendall(b"z" * 1000)
    received = b""
    while len(received) < 1000:
        received += far.recv(4096)
    call = calls(net, "sendall")[0]
    assert call.args == "b'zzzzzzzzzzzz'…（1000 字节）"
    assert call.size == 1000
    assert len(bytes.fromhex(call.data)) == 256


def test_datagrams_carry_their_address(net):
    receiver = net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind((net.server.address, 7))
    sender = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.sendto(b"x", (net.server.address, 7))
    data, address = receiver.recvfrom(64)
    assert (data, address) == (b"x", (net.client.address, sender.getsockname()[1]))
    assert calls(net, "sendto")[0].args == "b'x', ('10.0.0.2', 7)"
    assert calls(net, "recvfrom")[0].result == f"b'x', {address!r}"


# ---------------------------------------------------------------- 线程与阻塞

def test_a_blocked_call_has_no_end_while_it_blocks(net, connection):
    near, far = connection
    net.server.spawn(far.recv, 64)  # spawn 等到它停在 recv 上才返回
    blocked = [c for c in net.trace.calls if c.end is None]
    assert [(c.name, c.thread, c.result) for c in blocked] == [("recv", "recv", None)]
    near.send(b"done")
    net.settle()
    assert [c.name for c in net.trace.calls if c.end is None] == []


def test_what_still_blocks_at_the_end_is_recorded_as_blocked():
    with Network("client", "server") as net:
        listener = net.server.socket()
        listener.bind((net.server.address, 7))
        listener.listen()
        net.server.spawn(listener.accept)
    assert [(c.name, c.end, c.errno) for c in net.trace.calls if c.name == "accept"] == [("accept", None, None)]


def test_threads_have_names(net, listener):
    def serve() -> None:
        conn, _ = listener.accept()
        conn.sendall(conn.recv(64).upper())

    net.server.spawn(serve)
    net.server.spawn(serve)
    for _ in range(2):
        sock = net.client.socket()
        sock.connect(listener.getsockname())
        sock.send(b"hi")
        assert sock.recv(64) == b"HI"
    assert {c.thread for c in net.trace.calls} == {"main", "serve", "serve2"}


def test_a_plain_thread_may_use_the_sockets_too(net, connection):
    near, far = connection
    thread = threading.Thread(target=near.send, args=(b"hi",), name="mine")
    thread.start()
    assert far.recv(64) == b"hi"
    thread.join()
    assert calls(net, "send")[0].thread == "mine"


def test_spawn_returns_when_the_server_is_ready(net):
    def serve() -> None:
        sock = net.server.socket()
        sock.bind((net.server.address, 7))
        sock.listen()
        sock.accept()[0].sendall(b"welcome")

    net.server.spawn(serve)
    sock = net.client.socket()
    sock.connect((net.server.address, 7))  # 立刻连得上，不必等
    assert sock.recv(64) == b"welcome"


def test_settle_waits_for_the_whole_conversation():
    """一来一回五十次，全在后台线程之间：settle 不会在半路上说“静下来了”。"""
    with Network("client", "server", delay=0.0005, delayed_ack=False) as net:
        listener = net.server.socket()
        listener.bind((net.server.address, 7))
        listener.listen()

        def serve() -> None:
            conn, _ = listener.accept()
            while data := conn.recv(64):
                conn.send(data)

        def ask() -> None:
            sock = net.client.socket()
            sock.connect(listener.getsockname())
            for _ in range(50):
                sock.send(b"ball")
                sock.recv(64)
            sock.close()

        net.server.spawn(serve)
        net.client.spawn(ask)
        assert net.settle()
        assert len(calls(net, "recv")) == 101
        assert not [t.name for t in net.threads if t.is_alive()]


def test_selectors_and_dup_and_detach_work_as_ever(net, connection):
    near, far = connection
    with selectors.DefaultSelector() as selector:
        selector.register(far, selectors.EVENT_READ)
        near.send(b"x")
        assert [key.fileobj for key, _ in selector.select(5)] == [far]
    copy = far.dup()
    far.close()
    assert copy.recv(1) == b"x"
    assert copy.label == "s2′"
    with socket.socket(fileno=copy.detach()) as plain:
        near.send(b"y")
        assert plain.recv(1) == b"y"


def test_context_manager_closes_and_writes_it_down(net):
    with net.client.socket() as sock:
        assert sock.fileno() >= 0
    assert sock.fileno() == -1
    assert [c.name for c in net.trace.calls] == ["close"]
    sock.close()
    assert [c.name for c in net.trace.calls] == ["close"], "第二次 close() 什么也没做"


def test_a_truncated_datagram_tells_its_true_length(net):
    """带 MSG_TRUNC 时，返回值是报文的真实长度，缓冲区里只有装得下的那些（recv(2)）。"""
    far, near = net.server.socket(type=socket.SOCK_DGRAM), net.client.socket(type=socket.SOCK_DGRAM)
    far.bind((net.server.address, 7))
    near.connect(far.getsockname())
    near.send(b"abcdef")
    near.send(b"abcdef")
    assert far.recv_into(bytearray(4), 0, socket.MSG_TRUNC) == 6
    far.recvmsg(4)
    first, second = calls(net, "recv")[0], calls(net, "recvmsg")[0]
    assert first.result == "6, b'abcd'"
    assert second.result.startswith("b'abcd', [], MSG_TRUNC, ")
