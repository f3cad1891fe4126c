"""状态：内核说的，不是推的。描述符关了以后、连接还没被 accept 的时候，也看得见。"""

from __future__ import annotations

import socket
import struct

import pytest

from sockscope.live import Network
from sockscope.tcp import violations
from sockscope.trace import State


def life(net: Network, host: str) -> list[str]:
    return net.trace.states_of(host)


def last(net: Network, host: str) -> State:
    return [s for s in net.trace.states if s.host == host][-1]


def test_the_textbook_life(net, connection):
    near, far = connection
    near.shutdown(socket.SHUT_WR)
    net.settle()
    far.close()
    net.settle()
    assert life(net, "client") == ["SYN_SENT", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"]
    assert life(net, "server") == ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSE"]
    assert violations(net.trace) == []


def test_time_wait_outlives_its_descriptor(net, connection):
    near, far = connection
    near.close()
    net.settle()
    far.close()
    net.settle()
    assert (last(net, "client").state, last(net, "client").origin) == ("TIME_WAIT", "sock_diag")
    assert near.fileno() == -1


def test_an_orphan_is_seen_in_fin_wait_2(net, connection):
    near, _far = connection
    near.close()
    net.settle()
    assert (last(net, "client").state, last(net, "client").origin) == ("FIN_WAIT2", "sock_diag")


def test_a_connection_not_yet_accepted_is_seen(net, listener):
    """最后一个 ACK 丢在路上：服务器停在 SYN_RECV，客户端以为连上了。"""
    net.cable.drop(match=lambda p: p.pure_ack and p.src == "client", times=1)
    near = net.client.socket()
    near.connect(listener.getsockname())
    net.settle()
    assert life(net, "server") == ["SYN_RECV"]
    assert life(net, "client") == ["SYN_SENT", "ESTABLISHED"]
    half = last(net, "server")
    assert (half.local, half.origin) == ("10.0.0.2:7", "sock_diag")


def test_established_before_accept(net, listener):
    near = net.client.socket()
    near.connect(listener.getsockname())
    net.settle()
    assert life(net, "server") == ["SYN_RECV", "ESTABLISHED"]
    listener.accept()
    assert life(net, "server") == ["SYN_RECV", "ESTABLISHED"]


def test_listening_has_no_peer(net, listener):
    assert [(s.state, s.local, s.peer, s.socket) for s in net.trace.states] == [("LISTEN", "10.0.0.2:7", "", "s1")]


def test_reset_is_seen_at_once(net, connection):
    near, far = connection
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    near.close()
    net.settle()
    assert (last(net, "server").state, last(net, "server").origin) == ("CLOSE", "TCP_INFO")
    with pytest.raises(ConnectionResetError):
        far.recv(1)


def test_simultaneous_close_passes_through_closing():
    with Network("client", "server", delay=0.02, delayed_ack=False) as net:
        listener = net.server.socket()
        listener.bind((net.server.address, 7))
        listener.listen()
        near = net.client.socket()
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        near.close()
        far.close()
        net.settle()
        assert life(net, "client")[-3:] == ["FIN_WAIT1", "CLOSING", "TIME_WAIT"]
        assert life(net, "server")[-3:] == ["FIN_WAIT1", "CLOSING", "TIME_WAIT"]
    assert violations(net.trace) == []


def test_queues_are_measured(net, connection):
    near, far = connection
    near.send(b"waiting")
    net.settle()
    near.close()
    net.settle()
    assert last(net, "server").state == "CLOSE_WAIT"
    assert last(net, "server").receive_queue == 8, "七个字节，FIN 也占一个序号"
    assert far.recv(64) == b"waiting"


def test_ipv6_states_are_seen_too(net):
    listener = net.server.socket(socket.AF_INET6)
    listener.bind((net.server.address6, 7))
    listener.listen()
    near = net.client.socket(socket.AF_INET6)
    near.connect((net.server.address6, 7))
    assert life(net, "client") == ["SYN_SENT", "ESTABLISHED"]
    assert last(net, "server").local == "[fd00::2]:7"
    assert violations(net.trace) == []


# ---------------------------------------------------------------- 进程与断电

def test_a_killed_process_says_goodbye_through_its_kernel(net, connection):
    near, far = connection
    net.client.process(near).kill()
    net.settle()
    assert near.fileno() == -1
    assert far.recv(64) == b""
    assert [p.flags for p in net.trace.sent_by("client", "FIN")] == [["FIN", "ACK"]]
    assert [(e.where, e.name) for e in net.trace.events if e.kind == "action"] == [("client", "process"), ("client", "kill")]


def test_a_living_process_holds_the_connection_open(net, connection):
    near, far = connection
    net.client.process(near)
    net.settle()
    with pytest.raises(BlockingIOError):
        far.recv(64, socket.MSG_DONTWAIT)


def test_one_of_two_processes_is_not_the_last(net, connection):
    near, far = connection
    copy = near.dup()
    net.client.process(near).kill()
    net.settle()
    assert net.trace.sent_by("client", "FIN") == []
    copy.close()
    assert far.recv(64) == b""


def test_after_a_reboot_nobody_remembers(net, connection):
    near, far = connection
    net.server.reboot()
    near.send(b"are you there?")
    with pytest.raises(ConnectionResetError):
        near.recv(64)
    resets = net.trace.sent_by("server", "RST")
    assert [(p.seq, p.ack) for p in resets] == [(1, None)]
    assert far.fileno() >= 0, "旧套接字还在，只是不再通向任何地方"
    fresh = net.server.socket()
    fresh.bind((net.server.address, 7))
    fresh.listen()
    again = net.client.socket()
    again.connect((net.server.address, 7))


def test_a_program_runs_inside_the_host(net, listener):
    script = ("import socket; s = socket.create_connection(('10.0.0.2', 7)); "
              "s.sendall(b'from a program'); print(s.getsockname()[0])")
    program = net.client.program("python3", "-c", script)
    far, _ = listener.accept()
    assert far.recv(64) == b"from a program"
    assert program.wait() == 0
    assert program.stdout.read() == b"10.0.0.1\n"
    with pytest.raises(FileNotFoundError, match=r"^没有 /no/such/program 这个程序"):
        net.client.program("/no/such/program")
    assert "FIN_WAIT2" in life(net, "client") or "FIN_WAIT1" in life(net, "client")


def test_icmp_ends_the_attempt_of_a_program():
    """套接字不在我们手里，没有哪个调用返回时好看一眼：ICMP 一到就得看。"""
    with Network("client", "router", "server", delayed_ack=False) as net:
        net.router.route("10.9.9.0/24", "unreachable")
        script = "import socket; socket.socket().connect_ex(('10.9.9.9', 7))"
        assert net.client.program("python3", "-c", script).wait() == 0
        assert net.wires.settle(5)
        assert life(net, "client") == ["SYN_SENT", "CLOSE"]


def test_a_refused_attempt_leaves_nothing_for_a_later_listener(net):
    """SYN 被拒绝过的地址上，后来有人监听：这是一个新的端点，状态只报一次 LISTEN。"""
    for _ in range(2):
        with net.client.socket() as near, pytest.raises(ConnectionRefusedError):
            near.connect((net.server.address, 7))
    late = net.server.socket()
    late.bind((net.server.address, 7))
    late.listen()
    net.settle()
    assert [(s.state, s.peer) for s in net.trace.states if s.host == "server"] == [("LISTEN", "")]


def test_a_bound_socket_is_not_the_connection_on_the_same_port():
    """两个套接字共用一个端口：连接排在先听的那个的队列里，随它一起没了；后听的那个的状态不算在它头上。"""
    with Network("client", "server", delay=0.005) as net:
        first, second = net.server.socket(), net.server.socket()
        for sock in (first, second):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((net.server.address, 7007))
        first.listen()
        near = net.client.socket()
        near.connect((net.server.address, 7007))
        second.listen()
        first.close()
        net.settle()
    assert not list(violations(net.trace))
