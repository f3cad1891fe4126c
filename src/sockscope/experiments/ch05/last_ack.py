"""第 05 章：最后一个 ACK 丢了。TIME_WAIT 就是为这一刻留着的。"""

import struct
from socket import SHUT_WR, SO_LINGER, SOL_SOCKET

from sockscope.experiments import Switch, connected, experiment
from sockscope.live import Network


@experiment(
    chapter="05", title="最后一个 ACK", question="最后一个 ACK 丢了，谁来补？如果没有 TIME_WAIT 呢？",
    lost=Switch("网线丢掉最后一个 ACK", True),
    waiting=Switch("客户端保留 TIME_WAIT", True))
def last_ack(net: Network, lost: bool, waiting: bool) -> None:
    if not waiting:
        net.client.sysctl("tcp_max_tw_buckets", 0)  # 一个 TIME_WAIT 也不许留
    near, far = connected(net)
    near.shutdown(SHUT_WR)
    net.settle()
    if lost:
        net.cable.drop(match=lambda packet: packet.src == "client")
    far.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 5))  # close() 等到有了结果才返回
    far.close()
    net.settle()
