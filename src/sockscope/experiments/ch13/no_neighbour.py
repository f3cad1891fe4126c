"""第 13 章：同一段以太网里的那台主机不在了：ARP 问不着。"""

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="13", title="问不着的邻居", lossless=True,
    question="10.8.0.9 应该在同一段以太网里，可是关机了。connect() 等多久，报什么？网线上有没有 SYN？",
    solicits=Choice("ARP 问几遍（mcast_solicit）", {3: "3 遍，每秒一遍（缺省）", 1: "1 遍"}))
def no_neighbour(net: Network, solicits: int) -> None:
    net.client.ethernet("10.8.0.1/24")
    net.client.sysctl("ipv4/neigh/lan0/mcast_solicit", solicits)
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    attempt(net.client.socket().connect, ("10.8.0.9", PORT))
    attempt(net.client.socket().connect, listener.getsockname())  # 备用的那一台
    net.settle()
