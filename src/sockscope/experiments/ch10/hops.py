"""第 10 章：手写的 traceroute。"""

from socket import AF_INET, IP_TTL, IPPROTO_ICMP, IPPROTO_IP, SOCK_RAW

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.ch10.echoes import echo
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT


@experiment(
    chapter="10", title="一跳一跳地问", question="TTL 用尽的时候，是谁来告诉你？",
    hosts=("client", "router", "router2", "server"),
    ttl=Choice("TTL", {1: "1", 2: "2", 3: "3"}, (1, 255)))
def hops(net: Network, ttl: int) -> None:
    net.router2.title = "路由器 2"
    sock = net.client.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
    sock.setsockopt(IPPROTO_IP, IP_TTL, ttl)
    sock.sendto(echo(ttl), (net.server.address, 0))
    net.settle()
    attempt(sock.recvfrom, 2048, MSG_DONTWAIT)
