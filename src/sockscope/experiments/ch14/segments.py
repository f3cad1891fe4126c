"""本章共用：一条每段只带 100 字节的连接。段小，带宽就不必大，轨迹也小；拥塞窗口数的是段，不是字节。

拥塞控制用 reno：每个内核都有，谁都可以用。
"""

from socket import IPPROTO_TCP, SO_SNDBUF, SOL_SOCKET

from sockscope.experiments import PORT
from sockscope.live import Network
from sockscope.live.linux import TCP_CONGESTION, TCP_MAXSEG
from sockscope.live.socket import TracedSocket

__all__ = ["SEGMENT", "small_segments"]

SEGMENT = 100  # 字节；另有 12 字节的时间戳选项


def small_segments(net: Network) -> tuple[TracedSocket, TracedSocket]:
    """``(客户端的套接字, 服务器的套接字)``；客户端的发送缓冲区放得下全部数据，``send()`` 不等。"""
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    near = net.client.socket()
    near.setsockopt(SOL_SOCKET, SO_SNDBUF, 200_000)
    near.setsockopt(IPPROTO_TCP, TCP_CONGESTION, b"reno")
    near.setsockopt(IPPROTO_TCP, TCP_MAXSEG, SEGMENT + 12)
    near.connect(listener.getsockname())
    return near, listener.accept()[0]
