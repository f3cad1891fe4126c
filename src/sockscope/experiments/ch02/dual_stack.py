"""第 02 章：一个 AF_INET6 套接字，接得住 IPv4 的客户端吗？"""

from socket import AF_INET, AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="02", title="双栈", lossless=True, question="服务器只有一个 AF_INET6 套接字，绑在 :: 上。IPv4 的客户端连得上吗？",
    v6only=Switch("IPV6_V6ONLY"), client=Choice("客户端", {"AF_INET": "AF_INET：IPv4", "AF_INET6": "AF_INET6：IPv6"}))
def dual_stack(net: Network, v6only: bool, client: str) -> None:
    listener = net.server.socket(AF_INET6)
    listener.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, int(v6only))
    listener.bind(("::", PORT))
    listener.listen()
    listener.setblocking(False)
    v4 = client == "AF_INET"
    near = net.client.socket(AF_INET if v4 else AF_INET6)
    attempt(near.connect, (net.server.address if v4 else net.server.address6, PORT))
    net.settle()
    attempt(listener.accept)
