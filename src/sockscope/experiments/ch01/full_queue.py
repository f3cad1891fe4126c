"""第 01 章：收的一方一直不读，发的一方会等，还是会丢？"""

from socket import AF_INET, SO_RCVBUF, SOCK_DGRAM, SOL_SOCKET

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.ch01.pairs import pair
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT


@experiment(
    chapter="01", title="队列满了",
    question="服务器一直不读，客户端连发 16 个数据报：停得住吗？最后读得到几个？",
    domain=Choice("通信域", {"AF_UNIX": "AF_UNIX：Unix 域数据报", "AF_INET": "AF_INET：UDP", "AF_INET6": "AF_INET6：UDP"}))
def full_queue(net: Network, domain: str) -> None:
    if not (ends := pair(net, domain, "SOCK_DGRAM")):
        return
    near, far = ends
    far.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 1)  # 尽量小；内核有下限
    near.socket.connect(near.peer)  # 定下对端，不发一个包

    def flood() -> None:
        for number in range(1, 17):
            attempt(near.socket.send, b"%d" % number)

    net.client.spawn(flood)
    clock = net.server.socket(AF_INET, SOCK_DGRAM)
    clock.settimeout(0.05)  # 服务器忙着等一个不会来的数据报
    attempt(clock.recv, 1)
    net.settle()
    while far.hear(64, MSG_DONTWAIT):
        net.settle()  # 空出一个位置，发的一方才往下走
