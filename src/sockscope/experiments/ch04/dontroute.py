"""第 04 章：不经过网关，还到得了吗？"""

from socket import AF_INET, MSG_DONTROUTE, SO_DONTROUTE, SOCK_DGRAM, SOL_SOCKET

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="04", title="不走路由", hosts=("client", "router", "server"),
    question="MSG_DONTROUTE 叫内核不看网关。同一根网线上的、网关后面的，哪个还到得了？",
    target=Choice("发给谁", {"server": "网关后面的服务器", "router": "同一根网线上的路由器"}),
    how=Choice("怎样发", {"flag": "MSG_DONTROUTE", "option": "SO_DONTROUTE 选项", "plain": "平常"}))
def dontroute(net: Network, target: str, how: str) -> None:
    receiver = net[target].socket(AF_INET, SOCK_DGRAM)
    receiver.bind((net[target].address, PORT))
    sender = net.client.socket(AF_INET, SOCK_DGRAM)
    if how == "option":
        sender.setsockopt(SOL_SOCKET, SO_DONTROUTE, 1)
    flags = MSG_DONTROUTE if how == "flag" else 0
    if attempt(sender.sendto, b"hello", flags, receiver.getsockname()):
        receiver.recv(64)
