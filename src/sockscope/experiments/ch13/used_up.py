"""第 13 章：客户端一问一连，临时端口都留在 TIME_WAIT 里，用完了。"""

from __future__ import annotations

from socket import IPPROTO_IP
from typing import TYPE_CHECKING

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network

if TYPE_CHECKING:
    from sockscope.live.socket import TracedSocket

IP_BIND_ADDRESS_NO_PORT = 24  # ip(7)；Python 3.12 之前没有给它名字
CURES = {
    "nothing": "什么也不做", "elsewhere": "第三次连服务器的另一个端口",
    "bound": "另一个端口，而且先 bind() 了自己的地址", "no_port": "同上，再设 IP_BIND_ADDRESS_NO_PORT"}


@experiment(
    chapter="13", title="临时端口用完了", lossless=True,
    question="客户端只有两个临时端口，连了两次，都是自己先关。第三次 connect() 得到什么？",
    cure=Choice("怎么办", CURES))
def used_up(net: Network, cure: str) -> None:
    net.client.sysctl("ip_local_port_range", "40000 40001")  # 缺省是 32768 到 60999
    net.client.sysctl("tcp_tw_reuse", 0)  # 缺省是 2：只在环回地址上重用
    here, other = listening(net, PORT), listening(net, PORT + 1)
    for _ in range(2):
        ask_and_leave(net, here)
    last = net.client.socket()
    if cure in ("bound", "no_port"):
        last.setsockopt(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, int(cure == "no_port"))
        attempt(last.bind, (net.client.address, 0))
    attempt(last.connect, (here if cure == "nothing" else other).getsockname())


def listening(net: Network, port: int) -> TracedSocket:
    listener = net.server.socket()
    listener.bind((net.server.address, port))
    listener.listen()
    return listener


def ask_and_leave(net: Network, listener: TracedSocket) -> None:
    """连上，客户端先关。"""
    near = net.client.socket()
    near.connect(listener.getsockname())
    conn, _ = listener.accept()
    for sock in (near, conn):
        sock.close()
        net.settle()
