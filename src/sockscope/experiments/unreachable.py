"""第 03 章的第一块石头：路由器后面到不了的地方，connect() 怎么知道？"""

from sockscope.experiments import Choice, attempt, experiment


@experiment(
    chapter="03", title="路由器说到不了", question="connect() 失败得多快、报什么错，取决于谁答了什么？",
    hosts=("client", "router", "server"),
    route=Choice("路由器对 10.9.9.0/24 的路由", {
        "unreachable": "unreachable：主机不可达",
        "prohibit": "prohibit：管理员禁止",
        "blackhole": "blackhole：一声不吭"}))
def unreachable(net, route):
    net.router.route("10.9.9.0/24", route)
    net.client.sysctl("tcp_syn_retries", 1)  # 缺省 6 次，约两分钟；这里一次就够看清
    sock = net.client.socket()
    attempt(sock.connect, ("10.9.9.9", 7007))
    sock.close()
