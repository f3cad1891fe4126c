"""第 10 章：原始套接字收到了包，内核自己还处理吗？"""

from socket import AF_INET, IPPROTO_ICMP, IPPROTO_UDP, SOCK_DGRAM, SOCK_RAW

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.experiments.ch10.echoes import echo
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

TRIAL = 253  # 留给试验的协议号（RFC 3692）
PROTOCOLS = {"echo": IPPROTO_ICMP, "udp": IPPROTO_UDP, "closed": IPPROTO_UDP, "trial": TRIAL}


@experiment(
    chapter="10", title="只是抄本", question="原始套接字把包收走了，内核还会照常应答吗？",
    what=Choice("客户端发来", {"echo": "ICMP 回显请求", "udp": "UDP，有人收", "closed": "UDP，没有人收",
                            "trial": "协议 253，内核不认识"}),
    listening=Switch("服务器开着一个原始套接字", True))
def copies(net: Network, what: str, listening: bool) -> None:
    protocol, there = PROTOCOLS[what], (net.server.address, PORT)
    raw = net.server.socket(AF_INET, SOCK_RAW, protocol) if listening else None
    far = net.server.socket(AF_INET, SOCK_DGRAM)
    if what == "udp":
        far.bind(there)
    near = net.client.socket(AF_INET, *((SOCK_DGRAM, 0) if protocol == IPPROTO_UDP else (SOCK_RAW, protocol)))
    if near.type == SOCK_DGRAM:
        near.bind((net.client.address, PORT))
    near.sendto(echo() if what == "echo" else b"hello", there)
    net.settle()
    for sock in filter(None, (raw, far if what == "udp" else None)):
        attempt(sock.recv, 2048, MSG_DONTWAIT)
