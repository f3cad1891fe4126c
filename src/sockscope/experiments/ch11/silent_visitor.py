"""第 11 章：TCP_DEFER_ACCEPT 拦得住一句话不说的客户端吗？"""

from socket import IPPROTO_TCP

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_DEFER_ACCEPT


@experiment(
    chapter="11", title="一言不发的客户端", limit=40,
    question="设了 TCP_DEFER_ACCEPT，客户端连上以后一句话也不说。accept() 会返回吗？什么时候？",
    seconds=Choice("TCP_DEFER_ACCEPT，秒", {1: "1 秒", 0: "不设", 5: "5 秒"}))
def silent_visitor(net: Network, seconds: int) -> None:
    listener = net.server.socket()
    listener.setsockopt(IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds)
    listener.bind((net.server.address, PORT))
    listener.listen()
    listener.settimeout(20)  # 只为让这个实验有个尽头
    near = net.client.socket()
    near.connect((net.server.address, PORT))
    attempt(listener.accept)
