"""第 12 章：水平触发、边缘触发、只报一次。数据没有读完，还会有人来叫吗？"""

import select

from sockscope.experiments import Choice, Switch, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import EPOLLET, EPOLLIN, EPOLLONESHOT

MODES = {"edge": EPOLLET, "level": 0, "oneshot": EPOLLONESHOT}


@experiment(
    chapter="12", title="没有读完，就没有下一声", waits=True, loopback=True, lossless=True,
    question="对端一次发来 8 字节，程序读了 4 字节就回去等 epoll_wait()。剩下的 4 字节，还会有人来叫吗？",
    mode=Choice("触发的方式", {"edge": "边缘（EPOLLET）", "level": "水平（缺省）", "oneshot": "只报一次（EPOLLONESHOT）"}),
    drain=Switch("一直读到 EAGAIN"), more=Switch("读过以后又来 4 字节"))
def edge_stall(net: Network, mode: str, drain: bool, more: bool) -> None:
    near, far = connected(net)
    far.setblocking(False)
    with select.epoll() as poll:
        poll.register(far, EPOLLIN | MODES[mode])
        near.send(b"12345678")
        net.settle()
        for turn in range(4):
            if not poll.poll(0.3):
                break
            while attempt(far.recv, 4) and drain:
                pass
            if more and turn == 0:
                near.send(b"9abc")
                net.settle()
