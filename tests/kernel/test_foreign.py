"""别人写的程序：没有人再用的套接字随即关闭，不对的参数由 socket 去说，问名字与 sendfile 也是调用。"""

from __future__ import annotations

import array
import gc
import socket
import weakref

import pytest

from sockscope import Network
from sockscope.trace import Call


@pytest.fixture
def foreign():
    with Network("client", "server", foreign=True, delayed_ack=False) as net:
        yield net


def told(call: Call) -> str:
    return f"{call.host} {call.socket}.{call.name}({call.args}) → {call.errno or call.result}"


def pair(net: Network):
    listener = net.server.socket()
    listener.bind((net.server.address, 7))
    listener.listen()
    near = net.client.socket()
    near.connect((net.server.address, 7))
    far, _ = listener.accept()
    return listener, near, far


# ---------------------------------------------------------------- 没有人再用的套接字

def test_a_socket_nobody_refers_to_is_closed_with_a_warning(foreign):
    listener, near, far = pair(foreign)
    near.send(b"x")
    alive = weakref.ref(near)
    held = [near]
    del near
    with pytest.warns(ResourceWarning, match=r"unclosed <.*raddr=\('10\.0\.0\.2', 7\)"):
        held.clear()
    assert alive() is None
    assert (far.recv(9), far.recv(9)) == (b"x", b"")
    assert [c.socket for c in foreign.trace.calls if c.name == "close"] == ["s1"]
    assert not [c for c in foreign.trace.calls if c.name == "getpeername"]  # 警告里写它的样子，不是程序问的
    foreign.settle()
    assert foreign.trace.states_of("client")[-1] == "FIN_WAIT2"
    for sock in (far, listener):
        sock.close()


def test_a_thread_that_is_done_keeps_no_socket(foreign):
    near = foreign.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    alive = weakref.ref(near)
    foreign.client.spawn(near.bind, (foreign.client.address, 7)).join()
    foreign.client.spawn(lambda sock: None, near).join()
    near.close()
    del near
    gc.collect()
    assert alive() is None


def test_a_reader_s_socket_stays_until_the_network_closes(net, recwarn):
    """书里的实验常常建好就放手。"""
    pair(net)
    gc.collect()
    net.settle()
    assert net.trace.states_of("client") == ["SYN_SENT", "ESTABLISHED"]
    assert not [c for c in net.trace.calls if c.name == "close"]


# ---------------------------------------------------------------- 不对的参数

WRONG = [
    lambda s: s.sendto(b"x"), lambda s: s.sendto(), lambda s: s.sendto(b"x", "bar", None), lambda s: s.sendto(b"x", 0, 0, 0),
    lambda s: s.sendmsg([b"x"], [(1, 1)]), lambda s: s.sendmsg(b"x"), lambda s: s.sendmsg([b"x"], [(1, 1, b"", 1)]),
    lambda s: s.sendmsg([b"x"], [object()]), lambda s: s.send(), lambda s: s.send("x"), lambda s: s.send(b"x", "flags"),
    lambda s: s.sendall(), lambda s: s.recv(), lambda s: s.recv("1"), lambda s: s.recv(-1), lambda s: s.recv(1, None),
    lambda s: s.recvfrom(), lambda s: s.recv_into(5), lambda s: s.recv_into(bytearray(1), 2), lambda s: s.recvmsg("x"),
    lambda s: s.recvmsg(), lambda s: s.recvmsg_into([5]), lambda s: s.shutdown(), lambda s: s.shutdown("RD"),
    lambda s: s.listen("x"), lambda s: s.connect(), lambda s: s.connect(("x",)), lambda s: s.bind(5), lambda s: s.settimeout(-1),
    lambda s: s.settimeout(), lambda s: s.setsockopt(1), lambda s: s.setsockopt(1, 2, "x"), lambda s: s.getsockopt("x", 1),
    lambda s: s.connect_ex(), lambda s: s.setblocking(), lambda s: s.sendfile("x"), lambda s: s.getsockname(1),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_wrong_arguments_raise_what_socket_raises(net, number):
    """同样的错误。"""
    ours = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with plain, pytest.raises((TypeError, ValueError, OSError, AttributeError)) as expected:
        WRONG[number](plain)
    with pytest.raises(type(expected.value)):
        WRONG[number](ours)


def test_a_buffer_of_wide_items_counts_bytes(net, connection):
    near, far = connection
    far.send(bytes(range(12)))
    net.settle()
    place = array.array("I", [0] * 4)
    assert near.recv_into(place) == 12
    call = net.trace.calls[-1]
    assert (call.args, call.size, call.data) == ("16", 12, bytes(range(12)).hex())


# ---------------------------------------------------------------- 以前漏掉的调用

def test_sendfile_is_a_call_and_the_cause_of_its_packets(net, connection, tmp_path):
    near, far = connection
    body = tmp_path / "body"
    body.write_bytes(bytes(range(256)) * 4)
    with body.open("rb") as file:
        assert near.sendfile(file, 4, 1000) == 1000
    assert far.recv(2000)[:4] == bytes([4, 5, 6, 7])
    call = next(c for c in net.trace.calls if c.name == "sendfile")
    assert (call.result, call.size, call.data[:8]) == ("1000", 1000, "04050607")
    assert call.args.endswith("4, 1000")
    from sockscope.render.causes import causes
    sent = next(i for i, e in enumerate(net.trace.events) if e.kind == "packet" and e.length == 1000)
    assert net.trace.events[causes(net.trace)[sent]] is call


def test_sendfile_of_what_the_kernel_cannot_send_is_its_sends(net, connection):
    import io
    near, far = connection
    near.sendfile(io.BytesIO(b"hello"))
    assert far.recv(9) == b"hello"
    assert [c.name for c in net.trace.calls if c.host == "client" and c.name.startswith("send")] == ["send"]


def test_names_are_asked_in_the_open_only_by_foreign_programs(foreign, net):
    kept = []
    for network, count in ((foreign, 2), (net, 0)):
        kept.append(sock := network.client.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.connect((network.server.address, 7))
        repr(sock)
        sock.getsockname()
        sock.getpeername()
        asked = [told(c) for c in network.trace.calls if c.name.startswith("get")]
        assert len(asked) == count
    assert told(foreign.trace.calls[-1]) == "client s1.getpeername() → ('10.0.0.2', 7)"
    for sock in kept:
        sock.close()


def test_a_program_may_replace_socket_socket(foreign, monkeypatch):
    """换成自己的子类：仪器用的仍是原来的那个。"""
    from sockscope.live.socket import TracedSocket
    monkeypatch.setattr(socket, "socket", type("Mine", (TracedSocket,), {}))
    listener, near, far = pair(foreign)
    for sock in (near, far, listener):
        sock.close()
    foreign.settle()
    assert foreign.trace.states_of("client")[-1] == "TIME_WAIT"


@pytest.mark.parametrize(("level", "option", "name"), [
    (6, 30, "TCP_FASTOPEN_CONNECT"), (0, 15, "IP_FREEBIND"), (1, 60, "SO_ZEROCOPY"), (6, 99, "6, 99")])
def test_options_given_by_number_are_named(net, level, option, name):
    sock = net.client.socket()
    try:
        sock.setsockopt(level, option, 1)
    except OSError:
        assert name == "6, 99"
    assert net.trace.calls[-1].args == f"{name}, 1"
