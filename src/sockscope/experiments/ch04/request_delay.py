"""第 04 章：请求分两次写，回答为什么慢了 40 毫秒？"""

from socket import IPPROTO_TCP, MSG_WAITALL, TCP_NODELAY

from sockscope.experiments import Choice, connected, experiment
from sockscope.experiments.kinds import unhurried
from sockscope.live import Network


@experiment(
    chapter="04", title="写、写、读", delayed_ack=True,
    question="请求分两次 send()，再等回答；一来一回三次。哪一次慢，慢多少，谁在等谁？",
    how=Choice("客户端怎样写", {
        "nagle": "缺省：两次 send()", "nodelay": "两次 send()，TCP_NODELAY", "once": "攒成一次 send()"}))
def request_delay(net: Network, how: str) -> None:
    unhurried(net)
    near, far = connected(net)
    net.settle()

    def serve() -> None:
        for _ in range(3):
            far.recv(8, MSG_WAITALL)
            far.send(b"answer")

    net.server.spawn(serve)
    if how == "nodelay":
        near.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    for _ in range(3):
        for part in (b"headbody",) if how == "once" else (b"head", b"body"):
            near.send(part)
        near.recv(64)
