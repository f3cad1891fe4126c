"""第 12 章：四个线程等同一个监听套接字，来了一个连接，醒几个？"""

import select

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import EPOLLEXCLUSIVE, EPOLLIN

WORKERS = 4
HOW = {"own": "各有一个 epoll", "exclusive": "各有一个 epoll，EPOLLEXCLUSIVE", "shared": "共用一个 epoll，水平触发",
       "accept": "都阻塞在 accept() 里"}


@experiment(
    chapter="12", title="惊群", waits=True, loopback=True, lossless=True,
    question="四个线程等着同一个监听套接字。来了一个连接：几个线程醒来，几个领到了它？",
    how=Choice("怎样等", HOW))
def who_wakes(net: Network, how: str) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    if how == "accept":
        for _ in range(WORKERS):
            net.server.spawn(listener.accept)
    else:
        listener.setblocking(False)
        polls = [select.epoll() for _ in range(1 if how == "shared" else WORKERS)]
        for poll in polls:
            poll.register(listener, EPOLLIN | (EPOLLEXCLUSIVE if how == "exclusive" else 0))
        for number in range(WORKERS):
            net.server.spawn(polls[number % len(polls)].poll)
    net.client.socket().connect(listener.getsockname())
    net.settle()
    woken = [call for call in net.trace.calls if call.name == "epoll_wait" and call.end is not None]
    for _ in woken:
        attempt(listener.accept)
