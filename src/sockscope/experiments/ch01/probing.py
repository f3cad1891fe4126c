"""第 01 章：socket() 的三个参数，哪些组合这个内核肯收？"""

import socket
from contextlib import nullcontext

from sockscope.experiments import Choice, Switch, attempt, experiment
from sockscope.live import Network

KINDS = ("SOCK_STREAM", "SOCK_DGRAM", "SOCK_SEQPACKET", "SOCK_RAW", "SOCK_RDM")
PROTOCOLS = (0, 1, 6, 17, 132, 262, 300)  # 缺省、ICMP、TCP、UDP、SCTP、MPTCP、没有的


@experiment(
    chapter="01", title="探测 socket()",
    question="五种类型，七个协议号，各试一次：内核拒绝时说的是哪个 errno？",
    domain=Choice("通信域", {"AF_INET": "AF_INET", "AF_INET6": "AF_INET6", "AF_UNIX": "AF_UNIX",
                            "AF_APPLETALK": "AF_APPLETALK：多数内核没有"}),
    privileged=Switch("有特权（自己的命名空间里）", True))
def probing(net: Network, domain: str, privileged: bool) -> None:
    net.births = True
    with nullcontext() if privileged else net.client.unprivileged():
        for kind in KINDS:
            for protocol in PROTOCOLS:
                attempt(net.client.socket, getattr(socket, domain), getattr(socket, kind), protocol)
