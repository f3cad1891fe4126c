"""第 10 章：谁可以打开原始套接字？"""

from contextlib import nullcontext
from socket import AF_INET, IPPROTO_ICMP, SOCK_DGRAM, SOCK_RAW

from sockscope.experiments import Choice, Switch, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import AF_PACKET


@experiment(
    chapter="10", title="谁可以", question="没有任何特权的进程，能打开哪一种？",
    powerless=Switch("放下全部特权", True),
    groups=Choice("ping_group_range", {"nobody": "1 0：缺省，哪个组都不行", "zero": "0 0：组 0 可以"}))
def rights(net: Network, powerless: bool, groups: str) -> None:
    net.births = True
    net.client.sysctl("ping_group_range", {"nobody": "1 0", "zero": "0 0"}[groups])
    with net.client.unprivileged() if powerless else nullcontext():
        attempt(net.client.socket, AF_INET, SOCK_RAW, IPPROTO_ICMP)
        attempt(net.client.socket, AF_PACKET, SOCK_RAW)
        attempt(net.client.socket, AF_INET, SOCK_DGRAM, IPPROTO_ICMP)
        attempt(net.client.socket, AF_INET, SOCK_DGRAM)
