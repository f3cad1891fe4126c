"""第 02 章：绑到一个地址，与绑到通配地址，谁连得上？"""

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="02", title="绑到哪个地址", lossless=True, hosts=("client", "server", "peer"),
    question="服务器有两个网口。它绑定的地址，决定了谁连得上它？",
    scissors=({"bound": "10.0.0.2", "target": "10.0.1.1"},),
    bound=Choice("服务器绑定的地址", {
        "0.0.0.0": "0.0.0.0：通配地址", "10.0.0.2": "10.0.0.2：靠近客户端的网口", "127.0.0.1": "127.0.0.1：环回"}),
    target=Choice("客户端连接的地址", {"10.0.0.2": "10.0.0.2", "10.0.1.1": "10.0.1.1：另一个网口"}))
def wildcard(net: Network, bound: str, target: str) -> None:
    listener = net.server.socket()
    listener.bind((bound, PORT))
    listener.listen()
    attempt(net.client.socket().connect, (target, PORT))
