"""第 10 章：连 IP 首部也自己写，内核还填什么？"""

from socket import AF_INET, IPPROTO_RAW, SOCK_RAW

from sockscope.experiments import Choice, experiment
from sockscope.experiments.ch10.echoes import echo, header
from sockscope.live import Network

SOURCES = {"0.0.0.0": "0.0.0.0：请内核填", "10.0.0.1": "10.0.0.1：自己的", "192.0.2.9": "192.0.2.9：假的"}


@experiment(
    chapter="10", title="自己写 IP 首部", question="源地址可以是假的吗？回答去了哪里？", hosts=("client", "router", "server"),
    source=Choice("源地址写", SOURCES))
def headers(net: Network, source: str) -> None:
    sock = net.client.socket(AF_INET, SOCK_RAW, IPPROTO_RAW)  # IPPROTO_RAW：IP_HDRINCL 一开始就打开
    sock.sendto(header(source, net.server.address) + echo(), (net.server.address, 0))
