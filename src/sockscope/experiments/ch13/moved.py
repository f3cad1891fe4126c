"""第 13 章：地址搬到了另一台机器上（故障转移、虚拟机迁移）：旧的连接它一条也不认得。"""

from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPINTVL

from sockscope.experiments import PORT, Switch, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_KEEPIDLE


@experiment(
    chapter="13", title="搬走的地址",
    question="服务器的地址搬到了另一台机器上，那里的服务也起来了。客户端空闲的连接什么时候知道？",
    keepalive=Switch("客户端打开保活，空闲 1 秒就问一声"))
def moved(net: Network, keepalive: bool) -> None:
    near, _far = connected(net)
    near.setsockopt(SOL_SOCKET, SO_KEEPALIVE, int(keepalive))
    for option in (TCP_KEEPIDLE, TCP_KEEPINTVL):
        near.setsockopt(IPPROTO_TCP, option, 1)
    net.settle()
    net.server.reboot()  # 同样的地址，什么连接都不记得：与换了一台机器一样
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    near.settimeout(2.5)  # 只为让这个实验有个尽头
    attempt(near.recv, 64)
    attempt(near.send, b"hello?")
    net.settle()
    attempt(near.recv, 64)
    again = net.client.socket()
    attempt(again.connect, listener.getsockname())
    net.settle()
