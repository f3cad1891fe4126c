"""第 06 章：连接断了，怎样再连？网线还断着的时候，隔多久试一次？"""

import random
from collections.abc import Callable
from threading import Event

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.socket import TracedSocket

PAUSES: dict[str, Callable[[random.Random, int], float]] = {
    "exponential": lambda _dice, failures: 0.1 * 2 ** failures,
    "jitter": lambda dice, failures: dice.uniform(0, 0.1 * 2 ** failures),
    "fixed": lambda _dice, _failures: 0.1,
}


def connect(net: Network) -> TracedSocket | None:
    """新的套接字，新的握手；0.2 秒没有连上就算了，返回 None。"""
    sock = net.client.socket()
    sock.settimeout(0.2)
    try:
        sock.connect((net.server.address, PORT))
        return sock
    except OSError:
        sock.close()
        return None


@experiment(
    chapter="06", title="断了再连", late=0.1,  # 0.2 秒连不上就放弃：不能迟到更久
    question="网线断了又接上。客户端试了几次才连上？每次之间等了多久？",
    pause=Choice("失败之后等多久", {
        "exponential": "每次加倍：0.1、0.2、0.4、0.8 秒", "jitter": "从 0 到那么久之间，随机",
        "fixed": "总是 0.1 秒"}),
    failures=Choice("网线接上之前，失败几次", {4: "4 次", 1: "1 次"}, (1, 5)))
def reconnecting(net: Network, pause: str, failures: int) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    net.cable.cut()
    clock, dice, failed = Event(), random.Random(6), 0
    while not (near := connect(net)):
        clock.wait(PAUSES[pause](dice, failed))
        failed += 1
        if failed == failures:
            net.cable.join()
    far, _ = listener.accept()
    far.send(b"welcome back")
    attempt(near.recv, 64)
    net.settle()
