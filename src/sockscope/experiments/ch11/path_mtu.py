"""第 11 章：路的中间窄了一段，大包怎样过去？"""

from socket import AF_INET, SOCK_DGRAM

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.experiments.ch11.option_effects import listening, narrow
from sockscope.experiments.ch11.option_list import named
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

MODES = {1: "IP_PMTUDISC_WANT：看情形（UDP、TCP 的缺省）", 0: "IP_PMTUDISC_DONT：准许分片",
         2: "IP_PMTUDISC_DO：不许分片", 3: "IP_PMTUDISC_PROBE：不许分片，也不理会得知的 MTU"}


@experiment(
    chapter="11", title="窄路", hosts=("client", "router", "server"),
    question="路由器后面一次只放得过 600 个字节。客户端发三次 1000 个字节：到了几次，切成几块，谁切的？",
    mode=Choice("IP_MTU_DISCOVER", MODES), kind=Choice("套接字", {"udp": "UDP", "tcp": "TCP"}))
def path_mtu(net: Network, mode: int, kind: str) -> None:
    narrow(net.router, "eth1", 600)
    far = net.server.socket(AF_INET, SOCK_DGRAM) if kind == "udp" else listening(net)
    if kind == "udp":
        far.bind((net.server.address, PORT))
    near = net.client.socket(far.family, far.type)
    near.setsockopt(*named("IP_MTU_DISCOVER").place, mode)
    near.connect(far.getsockname())
    reader = far if kind == "udp" else far.accept()[0]
    for _ in range(3):
        attempt(near.send, bytes(1000))
        net.settle()
        attempt(reader.recv, 65_536, MSG_DONTWAIT)
    attempt(named("IP_MTU").read, near)
