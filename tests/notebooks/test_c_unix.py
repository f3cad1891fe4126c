"""第 07 章的 C 程序：收下别人发来的连接，认出对端是谁。量一量的那一个在 tests/kernel/test_measure.py。"""

from __future__ import annotations

import os
import socket
import sys
from signal import SIGCONT, SIGSTOP

import pytest

from sockscope import Network, Trace
from sockscope.experiments import connected

TAKER = """
import socket, sys
desk = socket.socket(socket.AF_UNIX)
desk.connect(sys.argv[1])
fd = socket.recv_fds(desk, 64, 1)[1][0]
socket.socket(fileno=fd).sendall(sys.argv[2].encode())
"""


def hand_over(*program: str) -> tuple[Trace, bytes]:
    """服务器把一条连接发给 ``program``，自己不留；返回轨迹和客户端读到的全部。"""
    with Network("client", "server", delay=0.005) as net:
        near, far = connected(net)
        door = net.server.socket(socket.AF_UNIX)
        door.bind(net.folder + "door")
        door.listen()
        taker = net.server.program(*program, door.getsockname(), "hello")
        socket.send_fds(door.accept()[0], [b"take"], [far.fileno()])
        far.close()
        heard = b"".join(iter(lambda: near.recv(64), b""))
        assert taker.wait() == 0
    return net.trace, heard


def test_a_passed_connection_looks_the_same_on_the_wire(build, wire):
    in_c, heard = hand_over(build("fd_receiver"))
    in_python, same = hand_over(sys.executable, "-c", TAKER)
    assert heard == same == b"hello"
    assert wire(in_c) == wire(in_python)


def test_a_letter_without_a_descriptor_is_told(build):
    with Network("client", "server") as net:
        door = net.server.socket(socket.AF_UNIX)
        door.bind(net.folder + "door")
        door.listen()
        taker = net.server.program(build("fd_receiver"), door.getsockname(), "hello")
        door.accept()[0].send(b"nothing inside")
        assert taker.wait() == 1
        assert taker.stderr.read().decode() == "没有发来描述符\n"


def test_a_second_descriptor_is_given_back_at_once(build):
    """补齐的地方放得下第二个：它得在开口说话之前就关掉，而不是等到退出。"""
    with Network("client", "server", delay=0.005) as net:
        near, far = connected(net)
        listener = net.server.socket()
        listener.bind((net.server.address, 7008))
        listener.listen()
        other = net.client.socket()
        other.connect(listener.getsockname())
        extra, _ = listener.accept()
        door = net.server.socket(socket.AF_UNIX)
        door.bind(net.folder + "door")
        door.listen()
        taker = net.server.program(build("fd_receiver"), door.getsockname(), "hello")
        desk, _ = door.accept()
        taker.send_signal(SIGSTOP)  # 等自己的两份都放下，它再动
        socket.send_fds(desk, [b"take"], [far.fileno(), extra.fileno()])
        far.close()
        extra.close()
        taker.send_signal(SIGCONT)
        assert near.recv(64) == b"hello"
        assert taker.wait() == 0
        net.settle()
    fin = next(p for p in net.trace.sent_by("server", "FIN") if p.source.endswith(":7008"))
    hello = next(p for p in net.trace.packets if p.payload == b"hello")
    assert fin.t < hello.t


@pytest.mark.parametrize("guest", ["the test itself", "another process"])
def test_the_kernel_tells_who_is_at_the_door(build, guest):
    with Network("client", "server") as net:
        where = net.folder + "door"
        server = net.server.program(build("peer_identity"), where)
        assert server.stdout.readline() == b"ready\n"
        if guest == "the test itself":
            net.client.socket(socket.AF_UNIX).connect(where)
            wanted = os.getpid()
        else:
            code = "import os, socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print(os.getpid())"
            wanted = int(net.client.program(sys.executable, "-c", code, where).stdout.read())
        pid, uid, _gid = map(int, server.stdout.readline().split())
        assert pid == wanted
        assert guest != "the test itself" or uid in (os.geteuid(), 65534)  # 用户命名空间里不认识的用户是 65534
        assert server.wait() == 0
        assert not os.path.exists(where)
