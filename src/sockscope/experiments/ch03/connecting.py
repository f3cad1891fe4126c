"""第 03 章的主实验：同一个 connect()，九种去处，三种等法。"""

from errno import EINPROGRESS
from select import select
from socket import IPPROTO_TCP, SO_ERROR, SOL_SOCKET

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.ch03.destinations import DESTINATIONS, PATIENCE, TITLES, WAYS
from sockscope.live import Network
from sockscope.live.linux import TCP_SYNCNT


@experiment(
    chapter="03", title="connect() 的结局", question="connect() 怎样结束，要多久，网线上走了几个包？",
    scissors=({"outcome": "refused"},),
    hosts=("client", "router", "server"), delay=0.05,
    outcome=Choice("对面", TITLES), mode=Choice("怎样等", WAYS))
def connecting(net: Network, outcome: str, mode: str) -> None:
    sock, target = DESTINATIONS[outcome](net)
    sock.setsockopt(IPPROTO_TCP, TCP_SYNCNT, 1)  # 3 秒后放弃；缺省是 6，要等 127 秒
    sock.settimeout(PATIENCE[mode])
    try:
        sock.connect(target)
    except OSError as error:
        if error.errno in (None, EINPROGRESS):  # 程序不等了，内核却还在连：EALREADY
            attempt(sock.connect, target)
    if mode == "nonblocking":
        select([], [sock], [])  # 可写：有结果了，成败要问 SO_ERROR
        for _ in range(2):  # 它只报一次
            sock.getsockopt(SOL_SOCKET, SO_ERROR)
    net.settle()
