"""第 04 章：写了几次、一次读多少，谁来决定 recv() 读到什么？"""

from socket import SOCK_DGRAM

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.kinds import KINDS, couple
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT


@experiment(
    chapter="04", title="字节流与消息", lossless=True, question="写的次数和读的次数对得上吗？消息的边界还在吗？", loopback=True,
    scissors=({"size": 5},),
    kind=Choice("套接字", KINDS),
    writes=Choice("每次写几个字节", {"3-4-5": "3、4、5", "3-0-5": "3、0、5：中间一次空的", "12": "一次写 12"}),
    size=Choice("每次至多读几个字节", {64: "64", 5: "5", 2: "2"}, (1, 64)))
def boundaries(net: Network, kind: str, writes: str, size: int) -> None:
    near, far = couple(net, kind)
    for letter, count in zip("abc", writes.split("-"), strict=False):
        near.send(letter.encode() * int(count))
    near.close()
    net.settle()
    flags = MSG_DONTWAIT if far.type == SOCK_DGRAM else 0  # 数据报没有结尾，读到 EAGAIN 为止
    empty = 0
    while empty < 2 and (data := attempt(far.recv, size, flags)) is not None:  # 流读到连着两次 b''
        empty = 0 if data else empty + 1
