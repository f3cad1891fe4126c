"""第 14 章：send(MSG_ZEROCOPY) 返回了，那块内存可以改了吗？"""

from socket import SOL_SOCKET

from sockscope.experiments import Switch, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT, MSG_ERRQUEUE

SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000  # <asm-generic/socket.h>、<linux/socket.h>


@experiment(
    chapter="14", title="不抄一份", lossless=True, delay=0.05,
    question="send(MSG_ZEROCOPY) 叫内核直接用程序的内存。它返回了，内存可以改了吗？谁来说可以了？",
    asked=Switch("先设 SO_ZEROCOPY", True))
def zero_copy(net: Network, asked: bool) -> None:
    near, far = connected(net)
    if asked:
        near.setsockopt(SOL_SOCKET, SO_ZEROCOPY, 1)
    data = bytes(1000)  # 重传还要用它：用完之前不能放手
    near.send(data, MSG_ZEROCOPY)
    attempt(near.recvmsg, 0, 100, MSG_ERRQUEUE | MSG_DONTWAIT)
    far.recv(1000)
    net.settle()
    attempt(near.recvmsg, 0, 100, MSG_ERRQUEUE | MSG_DONTWAIT)
