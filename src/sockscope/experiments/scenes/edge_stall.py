"""线上：边缘触发的 epoll，一次没有读完，剩下的再也没有人来叫。"""

import select

from sockscope.experiments import SCENES, Choice, Switch, attempt, connected, experiment
from sockscope.live import Network

MODES = {"level": 0, "edge": select.EPOLLET if hasattr(select, "EPOLLET") else 0}


@experiment(
    chapter=SCENES, title="没有读完，就没有下一声", waits=True, loopback=True, lossless=True,
    question="对端一次发来 8 字节，程序读了 4 字节就回去等 epoll_wait()。剩下的 4 字节，还会有人来叫吗？",
    mode=Choice("触发的方式", {"edge": "边缘（EPOLLET）", "level": "水平（缺省）"}),
    drain=Switch("一直读到 EAGAIN"))
def edge_stall(net: Network, mode: str, drain: bool) -> None:
    near, far = connected(net)
    far.setblocking(False)
    with select.epoll() as poll:
        poll.register(far, select.EPOLLIN | MODES[mode])
        near.send(b"12345678")
        net.settle()
        for _ in range(3):
            if not poll.poll(0.3):
                break
            while attempt(far.recv, 4) and drain:
                pass
