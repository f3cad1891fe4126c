"""第 10 章：一条 SCTP 关联，从四个包的握手到告别。"""

from socket import SHUT_WR

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.ch10.associations import associated
from sockscope.live import Network


@experiment(
    chapter="10", title="一条 SCTP 关联", question="建立要几个包？消息的边界和流号还在吗？结束要几个包？",
    size=Choice("服务器一次至多读", {64: "64 字节", 3: "3 字节"}, (1, 64)),
    ending=Choice("怎样结束", {"shutdown": "shutdown()", "abort": "SO_LINGER 0 秒，close()"}))
def association(net: Network, size: int, ending: str) -> None:
    near, far = associated(net)
    for stream, data in enumerate((b"one", b"three")):
        near.send(data, stream)
        while not far.recv(size).whole:
            pass
    far.send(b"ok")
    near.recv()
    if ending == "shutdown":
        near.shutdown(SHUT_WR)
    else:
        near.linger(0)
        near.close()
    attempt(far.recv, size)
