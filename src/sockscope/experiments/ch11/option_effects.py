"""一个选项管得到什么：每个选项一个小场面，设与不设各演一遍。

场面是一个函数 ``scene(net, knob)``：它自己决定在哪一刻、对哪个套接字转动旋钮 ``knob.turn(sock)``。
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from select import select
from socket import AF_INET, AF_INET6, IPPROTO_TCP, MSG_OOB, MSG_WAITALL, SO_KEEPALIVE, SO_RCVBUF, SOCK_DGRAM, SOL_SOCKET
from typing import TYPE_CHECKING, Any

from sockscope.experiments.ch11.option_list import Option
from sockscope.experiments.experiment import PORT, attempt, connected
from sockscope.live.linux import MSG_DONTWAIT, TCP_KEEPIDLE, TCP_SYNCNT

if TYPE_CHECKING:
    from sockscope.live import Host, Network

__all__ = ["SCENES", "Knob", "narrow"]

SIOCSIFMTU = 0x8922  # netdevice(7)


@dataclass(frozen=True)
class Knob:
    """一个选项的旋钮；``given`` 为假的不转，只看看。"""

    option: Option
    given: bool

    def read(self, sock: Any) -> None:
        attempt(self.option.read, sock)

    def turn(self, sock: Any) -> None:
        """读出缺省值，设上，再读一次。"""
        self.read(sock)
        if self.given:
            attempt(self.option.write, sock)
            self.read(sock)


def narrow(host: Host, port: str, mtu: int) -> None:
    """让这台主机的一个网口一次只放得过 ``mtu`` 个字节。"""
    import fcntl

    fd = host.new_fd(AF_INET, SOCK_DGRAM, 0)  # 搭场面用的，不进轨迹
    fcntl.ioctl(fd, SIOCSIFMTU, struct.pack("16si12x", port.encode(), mtu))
    os.close(fd)


def listening(net: Network, family: int = AF_INET, prepare: Callable[[Any], None] = lambda _: None) -> Any:
    """服务器的监听套接字；``prepare`` 在 bind() 之前动它。"""
    listener = net.server.socket(family)
    prepare(listener)
    listener.bind((net.server.address6 if family == AF_INET6 else net.server.address, PORT))
    listener.listen()
    return listener


# ---------------------------------------------------------------- SOL_SOCKET

def ask_whether_listening(net: Network, knob: Knob) -> None:
    sock = net.server.socket()
    knob.turn(sock)
    sock.listen()
    knob.read(sock)


def refused(net: Network, knob: Knob) -> None:
    sock = net.client.socket()
    sock.setblocking(False)
    attempt(sock.connect, (net.server.address, PORT))
    select([], [sock], [])
    knob.turn(sock)
    knob.read(sock)  # 没有设过的，这是第二次读


def small_window(net: Network, knob: Knob) -> None:
    """对端不读：12 000 字节，送到的有多少。"""
    listener = listening(net, prepare=knob.turn)
    near = net.client.socket()
    near.connect(listener.getsockname())
    attempt(near.send, bytes(12_000), MSG_DONTWAIT)
    net.settle()


def small_queue(net: Network, knob: Knob) -> None:
    """对端放不下：12 000 字节，send() 收下的有多少。"""
    listener = listening(net, prepare=lambda sock: sock.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096))
    near = net.client.socket()
    knob.turn(near)
    near.connect(listener.getsockname())
    attempt(near.send, bytes(12_000), MSG_DONTWAIT)
    net.settle()


def two_halves(net: Network, knob: Knob) -> None:
    near, far = connected(net)
    knob.turn(far)
    net.server.spawn(far.recv, 64)
    for half in (b"abc", b"def"):
        near.send(half)
        net.settle()


def late_answer(net: Network, knob: Knob) -> None:
    near, far = connected(net)
    knob.turn(near)
    net.client.spawn(attempt, near.recv, 64).join(0.5)  # 对端半秒之后才说话
    far.send(b"late")
    net.settle()


def silence(net: Network, knob: Knob) -> None:
    """网线断着，connect() 等多久。"""
    net.cable.cut()
    sock = net.client.socket()
    sock.setsockopt(IPPROTO_TCP, TCP_SYNCNT, 1)
    knob.turn(sock)
    attempt(sock.connect, (net.server.address, PORT))


def goodbye(net: Network, knob: Knob) -> None:
    near, far = connected(net)
    net.settle()
    knob.turn(near)
    near.send(b"goodbye")
    near.close()
    net.settle()
    while attempt(far.recv, 64, MSG_DONTWAIT):
        pass


def idle(net: Network, knob: Knob, always: tuple[int, int]) -> None:
    """一秒半没有人说话。"""
    near, _far = connected(net)
    near.setsockopt(*always, 1)
    knob.turn(near)
    near.settimeout(1.5)
    attempt(near.recv, 64)


def urgent(net: Network, knob: Knob) -> None:
    near, far = connected(net)
    knob.turn(far)
    near.send(b"hello", MSG_OOB)
    net.settle()
    while attempt(far.recv, 64, MSG_DONTWAIT):
        pass


def one_port(net: Network, knob: Knob) -> None:
    """两个套接字，同一个地址和端口；两个都转。"""
    first, second = net.server.socket(), net.server.socket()
    for sock in (first, second):
        knob.turn(sock)
        attempt(sock.bind, (net.server.address, PORT))
    for sock in (first, second):
        attempt(sock.listen)


def broadcast(net: Network, knob: Knob) -> None:
    sock = net.client.socket(AF_INET, SOCK_DGRAM)
    knob.turn(sock)
    attempt(sock.sendto, b"anyone?", ("10.0.0.255", PORT))


def one_datagram(net: Network, knob: Knob) -> None:
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, PORT))
    knob.turn(near)
    attempt(near.sendto, b"hello", far.getsockname())
    net.settle()
    attempt(far.recv, 64, MSG_DONTWAIT)


# ---------------------------------------------------------------- IPPROTO_TCP

def five_bytes(net: Network, knob: Knob) -> None:
    near, far = connected(net)
    knob.turn(near)
    for byte in b"hello":
        near.send(bytes([byte]))
    far.recv(5, MSG_WAITALL)  # 木塞不拔，200 毫秒后内核自己放


def two_bytes(net: Network, knob: Knob) -> None:
    """第二个字节在等第一个的 ACK（Nagle 算法）。"""
    near, far = connected(net)
    knob.turn(far)
    near.send(b"x")
    near.send(b"y")
    for _ in range(2):
        far.recv(1)


def big_answer(net: Network, knob: Knob) -> None:
    listener = listening(net)
    near = net.client.socket()
    knob.turn(near)
    near.connect(listener.getsockname())
    listener.accept()[0].send(bytes(1200))
    net.settle()


def quiet_visitor(net: Network, knob: Knob) -> None:
    listener = listening(net, prepare=knob.turn)
    net.server.spawn(listener.accept)
    near = net.client.socket()
    near.connect(listener.getsockname())
    net.settle()
    near.send(b"GET /")
    net.settle()


def cut_off(net: Network, knob: Knob) -> None:
    near, _far = connected(net)
    net.settle()
    knob.turn(near)
    net.cable.cut()
    near.send(b"hello?")
    near.settimeout(1)  # 只为让这个实验有个尽头
    attempt(near.recv, 64)


def patience(net: Network, knob: Knob) -> None:
    net.cable.cut()
    sock = net.client.socket()
    knob.turn(sock)
    sock.settimeout(3.5)  # 缺省要等 127 秒；避开第四次重传，它在 4 秒
    attempt(sock.connect, (net.server.address, PORT))


# ---------------------------------------------------------------- IPPROTO_IP、IPPROTO_IPV6：中间有一台路由器

def three_big_datagrams(net: Network, knob: Knob) -> None:
    """路由器的另一头放不过 600 个字节以上的包。"""
    narrow(net.router, "eth1", 600)
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, PORT))
    near.connect(far.getsockname())
    knob.turn(near)
    for _ in range(3):
        attempt(near.send, bytes(1000))
        net.settle()
    knob.read(near)


def greeted(net: Network, knob: Knob, family: int = AF_INET) -> None:
    listener = listening(net, family)
    near = net.client.socket(family)
    near.setsockopt(IPPROTO_TCP, TCP_SYNCNT, 1)
    knob.turn(near)
    attempt(near.connect, listener.getsockname())


def old_visitor(net: Network, knob: Knob) -> None:
    """服务器只有一个 AF_INET6 套接字，客人说的是 IPv4。"""
    listener = net.server.socket(AF_INET6)
    knob.turn(listener)
    listener.bind(("::", PORT))
    listener.listen()
    attempt(net.client.socket().connect, (net.server.address, PORT))


SCENES: dict[str, Callable[[Network, Knob], None]] = {
    "SO_ACCEPTCONN": ask_whether_listening, "SO_ERROR": refused, "SO_RCVBUF": small_window, "SO_SNDBUF": small_queue,
    "SO_RCVLOWAT": two_halves, "SO_RCVTIMEO": late_answer, "SO_SNDTIMEO": silence, "SO_LINGER": goodbye,
    "SO_KEEPALIVE": lambda net, knob: idle(net, knob, (IPPROTO_TCP, TCP_KEEPIDLE)),
    "SO_OOBINLINE": urgent, "SO_REUSEADDR": one_port, "SO_REUSEPORT": one_port, "SO_BROADCAST": broadcast,
    "SO_BINDTODEVICE": one_datagram,
    "TCP_NODELAY": five_bytes, "TCP_CORK": five_bytes, "TCP_QUICKACK": two_bytes, "TCP_MAXSEG": big_answer,
    "TCP_DEFER_ACCEPT": quiet_visitor, "TCP_SYNCNT": patience, "TCP_USER_TIMEOUT": cut_off,
    "TCP_KEEPIDLE": lambda net, knob: idle(net, knob, (SOL_SOCKET, SO_KEEPALIVE)),
    "IP_TTL": greeted, "IP_TOS": greeted, "IP_MTU_DISCOVER": three_big_datagrams, "IP_MTU": three_big_datagrams,
    "IPV6_V6ONLY": old_visitor, "IPV6_UNICAST_HOPS": lambda net, knob: greeted(net, knob, AF_INET6),
}
