"""第 04 章：连接断了，还能接着用吗？"""

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.live import Network


@experiment(
    chapter="04", title="断了就要重来", lossless=True, loopback=True,
    question="连接被 RST 之后，怎样才能再说上话？",
    how=Choice("客户端怎么办", {
        "new": "新建一个套接字，再 connect()", "same": "用原来的套接字再 connect()", "wait": "什么也不做，接着 send()"}))
def reconnect(net: Network, how: str) -> None:
    near, far = connected(net)
    near.send(b"unread")
    net.settle()
    far.close()  # 有没读的数据：发 RST
    net.settle()
    attempt(near.send, b"lost")
    again = net.client.socket() if how == "new" else near
    if how != "wait":
        attempt(again.connect, (net.server.address, 7007))
    attempt(again.send, b"hello")
    net.settle()
