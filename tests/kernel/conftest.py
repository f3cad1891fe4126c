"""内核测试要有网线。在 CI 上没有就是失败；在别处说明缺什么，跳过。"""

from __future__ import annotations

import os

import pytest

from sockscope.live import Network, capability


@pytest.fixture(scope="session", autouse=True)
def cable() -> None:
    """这台机器能造网线；不能则照实说。"""
    found = capability("" if os.environ.get("SOCKSCOPE_CAPTURE") != "recording" else "loopback")
    if found.level != "cable":
        (pytest.fail if os.environ.get("CI") else pytest.skip)(found.sentence)


@pytest.fixture
def net():
    """客户端、服务器和一根没有时延的网线。"""
    with Network("client", "server", delayed_ack=False) as net:
        yield net


@pytest.fixture
def listener(net):
    """服务器上一个听着 7 号端口的套接字。"""
    sock = net.server.socket()
    sock.bind((net.server.address, 7))
    sock.listen()
    return sock


@pytest.fixture
def connection(net, listener):
    """连好的两端：``(客户端的套接字, 服务器的套接字)``。"""
    near = net.client.socket()
    near.connect(listener.getsockname())
    far, _ = listener.accept()
    return near, far
