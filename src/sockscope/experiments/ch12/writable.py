"""第 12 章：一直关心可写，和写不下了才关心，各醒几回？"""

import select

from sockscope.experiments import Choice, Switch, attempt, experiment
from sockscope.experiments.kinds import couple
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
    near, far = couple(net, "tcp", small=True)
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
