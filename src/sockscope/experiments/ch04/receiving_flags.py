"""第 04 章：recv() 的每一个标志，带上它，读到的有什么不同？"""

import socket
from socket import MSG_OOB

from sockscope.experiments import Choice, Switch, attempt, experiment
from sockscope.experiments.kinds import couple
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

FLAGS = {
    "MSG_PEEK": "MSG_PEEK：看一眼，不取走", "MSG_DONTWAIT": "MSG_DONTWAIT：这一次不等", "MSG_WAITALL": "MSG_WAITALL：等凑齐",
    "MSG_TRUNC": "MSG_TRUNC：截断", "MSG_OOB": "MSG_OOB：带外", "MSG_ERRQUEUE": "MSG_ERRQUEUE：读错误队列",
    "MSG_CMSG_CLOEXEC": "MSG_CMSG_CLOEXEC：收到的描述符 exec 时关掉"}
SIZE = {"MSG_WAITALL": 8}  # 第一次 recv() 的缓冲区；其余是 4


@experiment(
    chapter="04", title="接收的标志", lossless=True, loopback=True,
    question="同一次 recv()，带上标志，返回值和剩下的数据有什么不同？",
    flag=Choice("标志", FLAGS),
    given=Switch("第一次 recv() 带上它", True),
    kind=Choice("套接字", {"tcp": "TCP", "udp": "UDP", "unix_stream": "Unix 字节流"}))
def receiving_flags(net: Network, flag: str, given: bool, kind: str) -> None:
    near, far = couple(net, kind)
    if flag != "MSG_DONTWAIT":  # 它要看没有数据时怎样
        attempt(near.send, b"abcdef", MSG_OOB if flag == "MSG_OOB" and kind != "udp" else 0)
        net.settle()

    def listen() -> None:
        attempt(far.recv_into, bytearray(SIZE.get(flag, 4)), 0, getattr(socket, flag) if given else 0)

    net.server.spawn(listen)
    net.settle()
    near.send(b"gh")
    net.settle()
    while attempt(far.recv, 64, MSG_DONTWAIT):
        pass
