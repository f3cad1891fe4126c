"""第 11 章：三种“别等太久”，各用什么话说时间到了？"""

import struct
from collections.abc import Callable
from socket import SO_RCVTIMEO, SO_SNDTIMEO, SOL_SOCKET

from sockscope.experiments import PORT, Choice, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.socket import TracedSocket

Wait = tuple[TracedSocket, Callable[[], object]]
"""谁来等，等什么。"""


def reading(net: Network) -> Wait:
    near, _far = connected(net)
    return near, lambda: near.recv(64)


def accepting(net: Network) -> Wait:
    listener = net.client.socket()
    listener.bind((net.client.address, PORT))
    listener.listen()
    return listener, listener.accept


def connecting(net: Network) -> Wait:
    net.cable.cut()
    sock = net.client.socket()
    return sock, lambda: sock.connect((net.server.address, PORT))


CALLS = {"recv": reading, "accept": accepting, "connect": connecting}


@experiment(
    chapter="11", title="时间到了", question="没有人说话、没有人来、没有回音：0.2 秒后，调用怎样返回？",
    call=Choice("等什么", {"recv": "recv()：没有数据", "accept": "accept()：没有人来", "connect": "connect()：没有回音"}),
    how=Choice("怎样限时", {
        "option": "SO_RCVTIMEO、SO_SNDTIMEO 0.2 秒", "settimeout": "settimeout(0.2)", "nonblocking": "非阻塞"}))
def timeouts(net: Network, call: str, how: str) -> None:
    sock, wait = CALLS[call](net)
    if how == "option":
        for option in (SO_RCVTIMEO, SO_SNDTIMEO):
            sock.setsockopt(SOL_SOCKET, option, struct.pack("ll", 0, 200_000))
    else:
        sock.settimeout(0.2 if how == "settimeout" else 0)
    attempt(wait)
