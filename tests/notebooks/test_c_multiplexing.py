"""第 12 章的 C 程序：一个线程照看许多连接，谁先问先回答谁；一个客户端重置了连接，别的照旧。"""

from __future__ import annotations

import ctypes
import errno
import struct
from socket import SO_LINGER, SOL_SOCKET

import pytest

from sockscope import Network

PORT = 7007


def start(net: Network, program: str, clients: int) -> tuple:
    server = net.server.program(program, net.server.address, str(PORT), str(clients))
    assert server.stdout.readline() == b"ready\n"
    near = [net.client.socket() for _ in range(clients)]
    for sock in near:
        sock.connect((net.server.address, PORT))
    return server, near


def test_one_thread_answers_whoever_asks_first(build):
    with Network("client", "server", delay=0.005) as net:
        server, near = start(net, build("epoll_echo"), 3)
        for sock in reversed(near):
            sock.send(b"hello")
            assert sock.recv(64) == b"hello"
        for sock in near:
            sock.close()
        assert server.wait() == 0


def test_one_reset_does_not_end_the_others(build):
    with Network("client", "server", delay=0.005) as net:
        server, (rude, polite) = start(net, build("epoll_echo"), 2)
        rude.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()
        polite.send(b"still here")
        assert polite.recv(64) == b"still here"
        polite.close()
        assert server.wait() == 0


def refusal() -> str:
    """这里为什么不许用 io_uring；许用则为空。"""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(425, 1, None)
    return "" if ctypes.get_errno() == errno.EFAULT else errno.errorcode[ctypes.get_errno()]


def test_io_uring_enters_the_kernel_once_for_an_answer_and_the_next_question(build):
    if why := refusal():
        pytest.skip(f"这里不许用 io_uring（{why}）。")
    with Network("client", "server", delay=0.005) as net:
        server = net.server.program(build("uring_echo"), net.server.address, str(PORT))
        assert server.stdout.readline() == b"ready\n"
        near = net.client.socket()
        near.connect((net.server.address, PORT))
        for word in (b"one", b"two", b"three"):
            near.send(word)
            assert near.recv(64) == word
        near.close()
        assert server.stdout.read() == b"4\n"
        assert server.wait() == 0
