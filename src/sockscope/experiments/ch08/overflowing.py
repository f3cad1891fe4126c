"""第 08 章：程序来不及读，接收缓冲区满了，之后的数据报到哪里去了？"""

from socket import AF_INET, SO_RCVBUF, SOCK_DGRAM, SOL_SOCKET

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

SO_RXQ_OVFL = 40  # <asm-generic/socket.h>；Python 没有给它名字


@experiment(
    chapter="08", title="接收缓冲区满了", loopback=True,
    question="程序还没有读，已经到了十个数据报。读得出几个？丢了的，谁知道？",
    buffer=Choice("SO_RCVBUF", {1: "设成最小", 4096: "设成 4096", 0: "缺省"}),
    size=Choice("每个数据报", {2: "2 个字节", 500: "500 个字节"}, (2, 1400)))
def overflowing(net: Network, buffer: int, size: int) -> None:
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, PORT))
    if buffer:
        far.setsockopt(SOL_SOCKET, SO_RCVBUF, buffer)
    far.setsockopt(SOL_SOCKET, SO_RXQ_OVFL, 1)
    for number in range(10):
        near.sendto(b"#%d" % number + bytes(size - 2), far.getsockname())
    net.settle()
    while attempt(far.recvmsg, 1024, 64, MSG_DONTWAIT):
        pass
    near.sendto(b"after", far.getsockname())
    net.settle()
    attempt(far.recvmsg, 64, 64, MSG_DONTWAIT)  # 它带着此前丢了几个
