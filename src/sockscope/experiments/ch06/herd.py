"""第 06 章：网线接上了，全体客户端一起回来。"""

import random
from threading import Event
from time import monotonic

from sockscope.experiments import PORT, Switch, experiment
from sockscope.live import Network
from sockscope.live.socket import TracedSocket

CLIENTS = 4


def dial(net: Network) -> TracedSocket:
    """不等结果：四个客户端才能在同一刻出发。"""
    sock = net.client.socket()
    sock.setblocking(False)
    sock.connect_ex((net.server.address, PORT))
    return sock


@experiment(
    chapter="06", title="一起回来", question="网线断着，四个客户端在同一刻失败，各自等一会儿再来。它们会在同一刻回来吗？",
    jitter=Switch("等待加抖动：0 到 1 秒之间随机（否则都等 0.5 秒）", True))
def herd(net: Network, jitter: bool) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    net.cable.cut()
    lost = [dial(net) for _ in range(CLIENTS)]
    net.settle()
    for sock in lost:
        sock.close()
    net.cable.join()
    dice, clock, start = random.Random(88), Event(), monotonic()
    for pause in sorted(dice.uniform(0, 1) if jitter else 0.5 for _ in range(CLIENTS)):
        clock.wait(start + pause - monotonic())
        dial(net)
    net.settle()
