"""第 08 章：数据报送不到，ICMP 说了为什么。哪些话传得到程序的耳朵里？"""

from socket import AF_INET, SOCK_DGRAM

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

NEWS = {
    "port": "服务器答：端口不可达", "prohibit": "路由器答：管理员禁止", "host": "路由器答：主机不可达",
    "net": "路由器答：网络不可达", "silent": "没有人答"}
ROUTES = {"prohibit": "prohibit", "host": "unreachable", "silent": "blackhole"}


def undeliverable(net: Network, news: str) -> tuple[str, int]:
    """一个送不到的地址；路由器（或服务器）会这样回答。"""
    if news in ROUTES:
        net.router.route("10.9.9.0/24", ROUTES[news])
    return (net.server.address if news in ("port", "ttl") else "10.9.9.9"), PORT


@experiment(
    chapter="08", title="坏消息", question="数据报送不到，谁会知道？recv() 报什么错？", hosts=("client", "router", "server"),
    news=Choice("送不到的原因", NEWS),
    connected=Switch("先 connect() 再发", True))
def bad_news(net: Network, news: str, connected: bool) -> None:
    target = undeliverable(net, news)
    sock = net.client.socket(AF_INET, SOCK_DGRAM)
    if connected:
        sock.connect(target)
    attempt(sock.sendto, b"anyone?", target)
    net.settle()
    attempt(sock.recv, 64, MSG_DONTWAIT)
    attempt(sock.recv, 64, MSG_DONTWAIT)
