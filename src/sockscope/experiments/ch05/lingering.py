"""第 05 章：close() 要等多久才返回？"""

import struct
from socket import SO_LINGER, SOL_SOCKET

from sockscope.experiments import Choice, Switch, attempt, connected, experiment
from sockscope.live import Network


@experiment(
    chapter="05", title="close() 等不等", delay=0.02,
    question="发出去的数据还没有得到确认就 close()：它立刻返回吗？数据呢？",
    seconds=Choice("SO_LINGER", {-1: "不设", 0: "打开，0 秒", 1: "打开，1 秒"}, (-1, 5)),
    cut=Switch("网线断着"))
def lingering(net: Network, seconds: int, cut: bool) -> None:
    near, far = connected(net)
    net.settle()
    if seconds >= 0:
        near.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, seconds))
    if cut:
        net.cable.cut()
    near.send(b"goodbye")
    near.close()
    if not cut:
        while attempt(far.recv, 64):
            pass
