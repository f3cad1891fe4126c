"""第 05 章：RST 到了。已经收下的数据还在吗？同一个错误会报几次？"""

import struct
from socket import SO_LINGER, SOL_SOCKET

from sockscope.experiments import Switch, attempt, connected, experiment
from sockscope.live import Network


@experiment(
    chapter="05", title="RST 之后", lossless=True, loopback=True,
    question="数据先到，RST 后到。服务器接下来的三次 recv() 和一次 send() 各是什么结果？",
    buffered=Switch("RST 之前有数据到达", True))
def after_reset(net: Network, buffered: bool) -> None:
    near, far = connected(net)
    if buffered:
        near.send(b"buffered")
        net.settle()
    near.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    near.close()
    net.settle()
    far.settimeout(1)  # RST 丢了，就没有人叫醒它：只为有个尽头
    for _ in range(3 if buffered else 2):
        attempt(far.recv, 64)
    attempt(far.send, b"more")
