"""第 03 章：没有人 listen()，两边同时 connect() 对方。"""

from select import select
from socket import SO_ERROR, SOL_SOCKET

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="03", title="同时打开", delay=0.2,
    question="两边都不 listen()，互相 connect()：连得上吗？有几条连接？",
    together=Choice("两个 SYN", {True: "在路上交错", False: "一个先到"}))
def simultaneous(net: Network, together: bool) -> None:
    ends = [(host.socket(), (host.address, PORT)) for host in (net.client, net.server)]
    for sock, name in ends:
        sock.bind(name)
        sock.setblocking(False)
    for (sock, _), (_, peer) in zip(ends, reversed(ends), strict=True):
        attempt(sock.connect, peer)
        if not together:
            net.settle()
    for sock, _ in ends:
        select([], [sock], [])
        sock.getsockopt(SOL_SOCKET, SO_ERROR)
    net.settle()
