"""第 06 章：只断了一个方向。客户端说“超时”，服务器那边发生了什么？"""

from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPCNT, TCP_KEEPINTVL
from sys import maxsize

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_KEEPIDLE, TCP_USER_TIMEOUT


@experiment(
    chapter="06", title="只断了一个方向", question="客户端得到 ETIMEDOUT。服务器收到那句话了吗？它知道连接没有了吗？",
    lost=Choice("丢的是", {"server": "服务器发来的一切（确认也在内）", "client": "客户端发出的一切"}),
    guard=Choice("客户端靠什么", {
        "user_timeout": "说一句话，TCP_USER_TIMEOUT 1 秒", "keepalive": "不说话，保活 1-1-1"}))
def one_way(net: Network, lost: str, guard: str) -> None:
    near, far = connected(net)
    net.settle()
    net.cable.drop(match=lambda packet: packet.src == lost, times=maxsize)
    if guard == "user_timeout":
        near.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, 1000)
        near.send(b"pay 100")
    else:
        near.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        for option in (TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT):
            near.setsockopt(IPPROTO_TCP, option, 1)
    attempt(near.recv, 64)
    far.settimeout(1)  # 只为让“没有消息”有个尽头
    while attempt(far.recv, 64):
        pass
    net.settle()
