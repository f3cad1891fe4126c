"""第 08 章：发给网上的每一台主机，要什么许可？"""

from socket import AF_INET, SO_BROADCAST, SOCK_DGRAM, SOL_SOCKET

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

TARGETS = {"subnet": "10.0.0.255", "limited": "255.255.255.255", "one": "10.0.0.2"}


@experiment(
    chapter="08", title="广播", scissors=({"allowed": True},),
    question="发给这张网上的每一台主机：发送方要什么许可？接收方要怎样绑定？",
    target=Choice("发到", {"subnet": "10.0.0.255：这张子网", "limited": "255.255.255.255：这根网线", "one": "10.0.0.2：一台"}),
    allowed=Switch("设了 SO_BROADCAST"),
    bound=Choice("接收方绑定在", {"any": "0.0.0.0", "own": "10.0.0.2：自己的地址"}))
def broadcasting(net: Network, target: str, allowed: bool, bound: str) -> None:
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address if bound == "own" else "0.0.0.0", PORT))
    near.bind((net.client.address, 7001))
    if allowed:
        near.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)
    attempt(near.sendto, b"everyone", (TARGETS[target], PORT))
    net.settle()
    attempt(far.recvfrom, 64, MSG_DONTWAIT)
