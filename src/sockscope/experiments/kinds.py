"""第 04 章共用的五种套接字，和一对连好的两端。"""

from __future__ import annotations

import socket
from typing import Any

from sockscope.experiments.experiment import PORT
from sockscope.live import Network
from sockscope.live.socket import TracedSocket

__all__ = ["KINDS", "couple", "unhurried"]

KINDS = {"tcp": "TCP", "udp": "UDP", "unix_stream": "Unix 字节流", "unix_dgram": "Unix 数据报",
         "unix_seqpacket": "Unix 顺序包"}
TYPES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "unix_stream": socket.SOCK_STREAM,
         "unix_dgram": socket.SOCK_DGRAM, "unix_seqpacket": getattr(socket, "SOCK_SEQPACKET", 5)}


def unhurried(net: Network) -> None:
    """关掉尾部丢失探测（tcp(7) 的 tcp_early_retrans）：机器一忙它就重发，看的是时间，不是对端。"""
    if net.cables:
        net.client.sysctl("tcp_early_retrans", 0)


def couple(net: Network, kind: str, small: bool = False) -> tuple[TracedSocket, TracedSocket]:
    """``(发送的一端, 接收的一端)``：客户端上的一端已经 ``connect()`` 到服务器上的一端。

    Unix 域的地址是文件名，不属于网络：两端都是这台机器上的，包不上网线。
    ``small``：两边的缓冲区都设得很小，几千字节就满。
    """
    unhurried(net)
    family: int = socket.AF_INET
    there: Any = net.server.address, PORT
    if kind.startswith("unix"):
        family, there = socket.AF_UNIX, net.folder + "server"
    far, near = net.server.socket(family, TYPES[kind]), net.client.socket(family, TYPES[kind])
    if small:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    far.bind(there)
    if TYPES[kind] == socket.SOCK_DGRAM:
        near.connect(there)
        return near, far
    far.listen()
    near.connect(there)
    return near, far.accept()[0]
