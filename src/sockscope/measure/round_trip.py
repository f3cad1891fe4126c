"""与 chapters/c/round_trip.c 做同样的事，用法也相同；它独自运行，不导入 sockscope，免得量到别的东西。

    python round_trip.py 种类 latency|throughput 字节数 次数 文件夹

一对连好的套接字，分叉成两个进程。latency 一行一个来回的纳秒数；throughput 一行：发出的字节 收到的字节 纳秒数。
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from time import monotonic_ns

NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
PATIENCE = 0.002  # UDP 的空消息也会丢：这么多秒没有回音就再发


def kind_of(kind: str) -> tuple[socket.AddressFamily, socket.SocketKind]:
    """``unix_stream`` 这样的名字 → (域, 类型)。"""
    domain = socket.AF_UNIX if kind.startswith("unix") else socket.AF_INET
    if kind in ("unix_dgram", "udp"):
        return domain, socket.SOCK_DGRAM
    return domain, socket.SOCK_SEQPACKET if kind == "unix_seqpacket" else socket.SOCK_STREAM


def make_pair(name: str, folder: str) -> tuple[socket.socket, socket.socket]:
    """连好的两端。AF_UNIX 用文件夹里的名字，AF_INET 用 127.0.0.1 上随便一个端口。"""
    domain, kind = kind_of(name)
    near, far = socket.socket(domain, kind), socket.socket(domain, kind)
    unix = domain == socket.AF_UNIX
    far.bind(f"{folder}/far" if unix else ("127.0.0.1", 0))
    if kind == socket.SOCK_DGRAM:
        near.bind(f"{folder}/near" if unix else ("127.0.0.1", 0))
        far.connect(near.getsockname())
    else:
        far.listen(1)
    near.connect(far.getsockname())
    return near, far if kind == socket.SOCK_DGRAM else far.accept()[0]


def recv_all(sock: socket.socket, size: int) -> None:
    """收满 ``size`` 个字节。数据报和顺序包一次就满；字节流也许要几次。"""
    data = sock.recv(size)
    while len(data) < size:
        if not (piece := sock.recv(size - len(data))):
            sys.exit()
        data += piece


def latency(near: socket.socket, data: bytes, count: int) -> Iterator[int]:
    for _ in range(count):
        start = monotonic_ns()
        near.sendall(data)
        recv_all(near, len(data))
        yield monotonic_ns() - start


def drain(far: socket.socket, size: int) -> None:
    """收到 ``b""`` 为止：流和顺序包的结尾，数据报的一条空消息。然后报账：收到了多少字节。"""
    received = 0
    while data := far.recv(size):
        received += len(data)
    far.sendall(b"%d" % received)


def throughput(near: socket.socket, data: bytes, count: int) -> str:
    start = monotonic_ns()
    for _ in range(count):
        near.sendall(data)
    if near.type != socket.SOCK_DGRAM:
        near.shutdown(socket.SHUT_WR)
    elif near.family == socket.AF_INET:
        near.settimeout(PATIENCE)
    while True:
        try:
            if near.type == socket.SOCK_DGRAM:
                near.send(b"")
            return f"{len(data) * count} {int(near.recv(64))} {monotonic_ns() - start}"
        except (TimeoutError, ConnectionRefusedError):  # 还没有报账；或者报完就走了，账在队列里，再读一次
            continue


def answer(far: socket.socket, size: int) -> None:
    """对面的进程：来一条，原样回一条。"""
    while True:
        recv_all(far, size)
        far.sendall(bytes(size))


def main(kind: str, what: str, size: str, count: str, folder: str) -> None:
    near, far = make_pair(kind, folder)
    if kind == "tcp_nodelay":
        near.setsockopt(*NODELAY)
        far.setsockopt(*NODELAY)
    if not (child := os.fork()):
        near.close()
        (drain if what == "throughput" else answer)(far, int(size))
        os._exit(0)
    far.close()
    data = bytes(int(size))
    if what == "throughput":
        print(throughput(near, data, int(count)))
    else:
        print(*latency(near, data, int(count)), sep="\n")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
