"""第 03 章：没有人 accept()，握好手的连接排在哪里，排得下几个？"""

from select import select
from socket import IPPROTO_TCP, SO_ERROR, SOL_SOCKET

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_SYNCNT


@experiment(
    chapter="03", title="积压队列满了", queues=("accept",),
    question="listen(1) 之后一直不 accept()：第几个 connect() 开始没有回音？",
    size=Choice("listen() 的参数", {1: "1", 0: "0", 3: "3"}, (0, 16)), relief=Switch("队列满了之后 accept() 一个"))
def backlog(net: Network, size: int, relief: bool) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen(size)
    for _ in range(size + 1):
        net.client.socket().connect(listener.getsockname())
    last = net.client.socket()
    last.setsockopt(IPPROTO_TCP, TCP_SYNCNT, 1)  # 3 秒后放弃；缺省是 6，要等 127 秒
    last.setblocking(False)
    attempt(last.connect, listener.getsockname())
    net.settle()
    if relief:
        listener.accept()
    select([], [last], [])  # 可写：有结果了
    last.getsockopt(SOL_SOCKET, SO_ERROR)
    net.settle()
