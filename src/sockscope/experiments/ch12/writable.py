"""第 12 章：一直关心可写，和写不下了才关心，各醒几回？"""

import select
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.experiments.kinds import unhurried
from sockscope.live import Network
from sockscope.live.linux import EPOLLIN, EPOLLOUT, MSG_DONTWAIT
from sockscope.live.socket import TracedSocket

ROUNDS = 4


def push(net: Network, near: TracedSocket) -> None:
    """发到 EAGAIN 为止。"""
    while attempt(near.send, bytes(12_000), MSG_DONTWAIT):
        net.settle()


def pull(net: Network, far: TracedSocket) -> None:
    """读到 EAGAIN 为止。"""
    while attempt(far.recv, 65_536, MSG_DONTWAIT):
        net.settle()


@experiment(
    chapter="12", title="可写的空转", delay=0.005, waits=True,
    question="没有什么要发，却一直登记着 EPOLLOUT：epoll_wait() 会等吗？",
    interest=Choice("登记什么", {"always": "一直是 EPOLLIN|EPOLLOUT", "needed": "send() 报 EAGAIN 以后才加上 EPOLLOUT"}),
    pending=Switch("有 12 000 字节要发，对端先不读"))
def writable(net: Network, interest: str, pending: bool) -> None:
    near, far = small_pair(net)
    with select.epoll() as poll:
        poll.register(near, EPOLLIN | (EPOLLOUT if interest == "always" else 0))
        if pending:
            push(net, near)
            poll.modify(near, EPOLLIN | EPOLLOUT)
        for _ in range(ROUNDS):
            poll.poll(0.1)
        if pending:
            pull(net, far)
            poll.poll(0.1)


def small_pair(net: Network) -> tuple[TracedSocket, TracedSocket]:
    """一条连接，两边的缓冲区都很小，几千字节就满。"""
    unhurried(net)
    listener = net.server.socket()
    listener.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
    listener.bind((net.server.address, PORT))
    listener.listen()
    near = net.client.socket()
    near.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)
    near.connect(listener.getsockname())
    return near, listener.accept()[0]
