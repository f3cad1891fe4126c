"""第 02 章：服务器重启，端口还占着。SO_REUSEADDR 要谁来设？"""

from socket import SO_REUSEADDR, SOL_SOCKET

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="02", title="重启的服务器", lossless=True,
    question="旧服务器先关了连接，留下 TIME_WAIT；或者它还在监听。新服务器绑得上同一个端口吗？",
    scissors=({"before": False, "after": False},),
    left=Choice("端口上留着", {"TIME_WAIT": "TIME_WAIT 的旧连接", "LISTEN": "还在监听的旧服务器"}),
    before=Switch("旧监听设了 SO_REUSEADDR"), after=Switch("新监听设了 SO_REUSEADDR", True))
def reuse(net: Network, left: str, before: bool, after: bool) -> None:
    listener = net.server.socket()
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, int(before))
    listener.bind((net.server.address, PORT))
    listener.listen()
    if left == "TIME_WAIT":
        near = net.client.socket()
        near.connect((net.server.address, PORT))
        far, _ = listener.accept()
        far.close()  # 先发 FIN 的一方进入 TIME_WAIT
        net.settle()
        near.close()
        net.settle()
        listener.close()
    again = net.server.socket()
    again.setsockopt(SOL_SOCKET, SO_REUSEADDR, int(after))
    attempt(again.bind, (net.server.address, PORT))
