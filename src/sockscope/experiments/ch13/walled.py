"""第 13 章：防火墙不放行，是丢掉，还是回一句拒绝。"""

from socket import IPPROTO_TCP

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_SYNCNT


@experiment(
    chapter="13", title="拒绝与丢弃", hosts=("client", "firewall", "server"),
    question="服务器在听，防火墙不放行。connect() 等多久，报什么？",
    rule=Choice("防火墙怎样对待客户端的 SYN", {
        "drop": "丢掉（DROP）", "reject": "回一句“端口不可达”（REJECT）", "open": "放行"}))
def walled(net: Network, rule: str) -> None:
    inside = "client" if rule == "open" else "server"  # 从这一边开的头才放行
    net.firewall.firewall(inside, reject="port" if rule == "reject" else False)
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    near = net.client.socket()
    near.setsockopt(IPPROTO_TCP, TCP_SYNCNT, 1)  # 3 秒后放弃；缺省是 6，要等 127 秒
    attempt(near.connect, listener.getsockname())
    net.settle()
