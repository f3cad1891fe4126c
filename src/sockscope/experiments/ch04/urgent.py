"""第 04 章：带外数据，哪一个字节是“急”的，怎样读到它？"""

from socket import MSG_OOB, SO_OOBINLINE, SOL_SOCKET

from sockscope.experiments import Choice, Switch, attempt, experiment
from sockscope.experiments.kinds import couple
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT


@experiment(
    chapter="04", title="紧急的一个字节", lossless=True, loopback=True,
    question="发送方用 MSG_OOB 发出 hello，再平常地发 world。哪些字节是急的？普通的 recv() 停在哪里？",
    scissors=({"twice": True},),
    kind=Choice("套接字", {"tcp": "TCP", "unix_stream": "Unix 字节流"}),
    inline=Switch("接收方打开 SO_OOBINLINE"),
    twice=Switch("world 也用 MSG_OOB 发"))
def urgent(net: Network, kind: str, inline: bool, twice: bool) -> None:
    near, far = couple(net, kind)
    far.setsockopt(SOL_SOCKET, SO_OOBINLINE, int(inline))
    near.send(b"hello", MSG_OOB)
    net.settle()
    near.send(b"world", MSG_OOB if twice else 0)
    net.settle()
    attempt(far.recv, 64, MSG_OOB | MSG_DONTWAIT)
    while attempt(far.recv, 64, MSG_DONTWAIT):
        pass
