"""第 12 章：什么时候可读，什么时候可写？每一步都问内核的 poll(2) 掩码。"""

import struct
from socket import MSG_OOB, SHUT_WR, SO_ERROR, SO_LINGER, SOL_SOCKET

from sockscope.experiments import PORT, Choice, attempt, connected, experiment
from sockscope.experiments.kinds import couple
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

WHAT = {"data": "对端发来数据", "fin": "对端说完了（FIN）", "rst": "对端重置了连接（RST）", "urgent": "来了紧急数据",
        "both": "两边都说完了", "full": "发送缓冲区满了", "connected": "非阻塞的连接成功了", "refused": "非阻塞的连接被拒绝了"}


@experiment(
    chapter="12", title="可读、可写是什么意思", readiness=True, loopback=True, lossless=True,
    question="这件事发生以后，select()、poll()、epoll 会说可读、可写，还是别的？",
    what=Choice("发生了什么", WHAT))
def ready_when(net: Network, what: str) -> None:
    if what in ("connected", "refused"):
        return dial(net, listening=what == "connected")
    if what == "full":
        return fill(net)
    near, far = connected(net)
    if what == "rst":
        near.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    if what in ("data", "urgent"):
        near.send(b"hello", MSG_OOB if what == "urgent" else 0)
    elif what == "both":
        near.shutdown(SHUT_WR)
        far.shutdown(SHUT_WR)
    else:
        near.close()
    net.settle()
    for _ in range(2):
        attempt(far.recv, 3, MSG_DONTWAIT)
    if what == "urgent":
        attempt(far.recv, 1, MSG_OOB | MSG_DONTWAIT)


def dial(net: Network, listening: bool) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    if listening:
        listener.listen()
    near = net.client.socket()
    near.setblocking(False)
    attempt(near.connect, listener.getsockname())
    net.settle()
    if listening:
        listener.settimeout(2)
        attempt(listener.accept)
    near.getsockopt(SOL_SOCKET, SO_ERROR)


def fill(net: Network) -> None:
    """发到 EAGAIN 为止，对端再读空。"""
    near, far = couple(net, "tcp", small=True)
    while attempt(near.send, bytes(12_000), MSG_DONTWAIT):
        net.settle()
    while attempt(far.recv, 65_536, MSG_DONTWAIT):
        net.settle()
