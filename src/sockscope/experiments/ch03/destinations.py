"""connect() 的九种去处和三种等法。

一种去处是一个函数：它摆好对面，返回 ``(客户端的套接字, 地址)``；接下来的 ``connect()`` 由实验来做。
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sockscope.experiments.experiment import PORT

if TYPE_CHECKING:
    from sockscope.live import Network
    from sockscope.live.socket import TracedSocket

__all__ = ["DESTINATIONS", "PATIENCE", "TITLES", "WAYS"]

Destination = tuple["TracedSocket", tuple[str, int]]
ELSEWHERE, SOMEONE = "10.9.9.0/24", "10.9.9.9"  # 路由器后面的另一张网；不告诉路由器，它就不知道怎么走


def listening(net: Network) -> Destination:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    return net.client.socket(), (net.server.address, PORT)


def closed(net: Network) -> Destination:
    return net.client.socket(), (net.server.address, PORT)


def behind(route: str = "") -> Callable[[Network], Destination]:
    """路由器后面的去处：``route`` 是路由器对它的路由的种类，空串表示没有路由。"""
    def prepare(net: Network) -> Destination:
        if route:
            net.router.route(ELSEWHERE, route)
        return net.client.socket(), (SOMEONE, PORT)
    return prepare


def unknown(net: Network) -> Destination:
    net.client.route(ELSEWHERE, "throw")  # ip-route(8)：查到这里，当作没有路由
    return net.client.socket(), (SOMEONE, PORT)


def exhausted(net: Network) -> Destination:
    net.client.sysctl("ip_local_port_range", "40000 40000")  # 只留一个临时端口；缺省是 32768 到 60999
    again(net)
    return net.client.socket(), (net.server.address, PORT)


def again(net: Network) -> Destination:
    sock, target = listening(net)
    sock.connect(target)
    return sock, target


DESTINATIONS = {
    "success": listening, "refused": closed, "silent": behind("blackhole"), "host": behind("unreachable"),
    "net": behind(), "prohibit": behind("prohibit"), "noroute": unknown, "noport": exhausted, "connected": again,
}
TITLES = {
    "success": "有人监听", "refused": "主机在，没有人监听", "silent": "一声不吭（包被悄悄扔掉）",
    "host": "路由器答：主机不可达", "net": "路由器答：网络不可达", "prohibit": "路由器答：管理员禁止",
    "noroute": "本机就没有路由", "noport": "本机的临时端口用完了", "connected": "这个套接字已经连着",
}
WAYS = {"blocking": "阻塞", "timeout": "settimeout(0.5)", "nonblocking": "非阻塞"}
PATIENCE = {"blocking": None, "timeout": 0.5, "nonblocking": 0.0}
