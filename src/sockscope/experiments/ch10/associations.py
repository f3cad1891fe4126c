"""一条连好的 SCTP 关联的两端；图的标题写明它是哪一种 SCTP。"""

from __future__ import annotations

from sockscope.experiments.experiment import PORT
from sockscope.live import Network, sctp

__all__ = ["associated"]

Association = sctp.KernelSocket | sctp.UserSocket


def associated(net: Network) -> tuple[Association, Association]:
    """``(客户端的一端, 服务器的一端)``，都是一对一的 SCTP 套接字。两种 SCTP 都没有则抛 ``Unavailable``。"""
    net.title = f"{net.title}（{sctp.TITLES[sctp.stack()]}）"
    listener, near = sctp.socket(net.server), sctp.socket(net.client)
    listener.bind((net.server.address, PORT))
    listener.listen()
    near.connect((net.server.address, PORT))
    return near, listener.accept()[0]
