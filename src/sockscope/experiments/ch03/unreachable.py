"""第 03 章的第一块石头：路由器后面到不了的地方，connect() 怎么知道？"""

from sockscope.experiments import Choice, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="03", title="路由器说到不了", question="connect() 失败得多快、报什么错，取决于谁答了什么？",
    hosts=("client", "router", "server"),
    route=Choice("路由器对 10.9.9.0/24 的路由", {
        "unreachable": "unreachable：主机不可达",
        "prohibit": "prohibit：管理员禁止",
        "none": "没有路由：网络不可达",
        "blackhole": "blackhole：一声不吭"}))
def unreachable(net: Network, route: str) -> None:
    if route != "none":
        net.router.route("10.9.9.0/24", route)
    net.client.sysctl("tcp_syn_retries", 1)  # 3 秒后放弃；缺省是 6，要等 127 秒
    sock = net.client.socket()
    attempt(sock.connect, ("10.9.9.9", 7007))
    sock.close()
