"""第 03 章：防火墙说不，可以说得像谁也没有，也可以说得像是服务器自己。"""

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="03", title="防火墙怎样拒绝", question="服务器在听，防火墙不放行：connect() 得到什么？服务器收到了什么？",
    hosts=("client", "firewall", "server"), scissors=({"reply": "reset"},),
    reply=Choice("防火墙回什么", {
        "port": "ICMP 端口不可达（iptables 的 REJECT 缺省如此）", "prohibited": "ICMP 管理员禁止",
        "reset": "以服务器的地址回一个 RST"}))
def rejecting(net: Network, reply: str) -> None:
    net.firewall.firewall("server", reject=reply)
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    attempt(net.client.socket().connect, listener.getsockname())
    net.settle()
