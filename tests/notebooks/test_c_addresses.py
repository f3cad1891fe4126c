"""第 01、02 章的 C 程序：数据报一来一回，Unix 域的流，地址的布局，写满的路径。"""

from __future__ import annotations

import ctypes
import socket
import subprocess
from pathlib import Path
from socket import AF_INET, AF_UNIX, SHUT_WR, SOCK_DGRAM

import pytest

from sockscope import Network, Trace
from sockscope.live import sockaddr as address


def in_python() -> Trace:
    with Network("client", "server", delay=0.005) as net:
        far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
        far.bind((net.server.address, 7007))
        near.sendto(b"hello", far.getsockname())
        data, peer = far.recvfrom(512)
        far.sendto(data.upper(), peer)
        near.recv(512)
    return net.trace


def test_the_datagram_pair_sends_the_packets_python_sends(build, wire):
    with Network("client", "server", delay=0.005) as net:
        receiver = net.server.program(build("datagram_receiver"), net.server.address, "7007")
        assert receiver.stdout.readline() == b"ready\n"
        sender = net.client.program(build("datagram_sender"), net.server.address, "7007", "hello")
        assert sender.stdout.read() == b"HELLO"
        assert sender.wait() == receiver.wait() == 0
    assert wire(net.trace) == wire(in_python())


@pytest.mark.parametrize("client", ["C", "Python"])
def test_the_unix_stream_echoes_and_leaves_no_file(build, client):
    with Network("client", "server") as net:
        path = net.folder + "echo.sock"
        server = net.server.program(build("unix_stream_server"), path)
        assert server.stdout.readline() == b"ready\n"
        if client == "C":
            assert net.client.program(build("unix_stream_client"), path, "hello").stdout.read() == b"HELLO"
        else:
            near = net.client.socket(AF_UNIX)
            near.connect(path)
            near.sendall(b"hello")
            near.shutdown(SHUT_WR)
            assert near.recv(64) == b"HELLO"
        assert server.wait() == 0
        assert not Path(path).exists()


def test_the_headers_lay_out_what_ctypes_lays_out(build):
    said = dict(line.split() for line in subprocess.check_output([build("sockaddr_layout")], text=True).splitlines())
    assert len(said) == 12
    for name, number in said.items():
        structure, _, field = name.partition(".")
        kind = getattr(address, structure)
        assert int(number) == (getattr(kind, field).offset if field else ctypes.sizeof(kind)), name


def test_the_kernel_takes_a_path_without_a_nul(build):
    with Network("client", "server") as net:
        path = net.folder + "x" * (108 - len(net.folder))
        assert net.server.program(build("full_path"), path).stdout.read() == b"108 ok\n109 EINVAL\n"


@pytest.mark.parametrize(("name", "told"), [
    ("localhost", ["AF_INET6 ::1 7007", "AF_INET 127.0.0.1 7007"]), ("10.0.0.2", ["AF_INET 10.0.0.2 7007"]),
    ("-", ["AF_INET 0.0.0.0 7007", "AF_INET6 :: 7007"])])
def test_a_name_becomes_the_addresses_python_gets(build, name, told):
    with Network("client", "server") as net:
        said = net.client.program(build("resolve"), name, "7007").stdout.read().decode().splitlines()
        with net.client:
            found = socket.getaddrinfo(None if name == "-" else name, 7007, type=socket.SOCK_STREAM,
                                       flags=socket.AI_PASSIVE if name == "-" else 0)
    assert said == told == [f"{row[0].name} {row[4][0]} {row[4][1]}" for row in found]
