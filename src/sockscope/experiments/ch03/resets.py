"""第 03 章：内核什么时候回以 RST？六种原因，各做一遍。"""

import struct
from socket import SO_LINGER, SOL_SOCKET

from sockscope.experiments import PORT, Choice, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.socket import TracedSocket

CAUSES = {
    "closed": "SYN 到了没有人监听的端口", "unknown": "段属于一条不存在的连接（服务器断电重启）",
    "unread": "close() 时还有没读的数据", "linger": "SO_LINGER 0 再 close()", "released": "数据到了已经 close() 的一半",
    "unaccepted": "关掉监听的套接字，队列里还有没 accept() 的连接"}


@experiment(
    chapter="03", title="RST 的六种来历", lossless=True, question="谁发出 RST？客户端的下两次调用各得到什么？",
    scissors=({"cause": "unknown"},),
    cause=Choice("原因", CAUSES))
def resets(net: Network, cause: str) -> None:
    if cause == "closed":
        return attempt(net.client.socket().connect, (net.server.address, PORT))
    near, far = waiting(net) if cause == "unaccepted" else connected(net)
    if cause == "unread":
        near.send(b"unread")
        net.settle()
    if cause == "linger":
        far.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    net.server.reboot() if cause == "unknown" else far.close()
    net.settle()
    if cause in ("unknown", "released"):
        near.send(b"anyone?")
    net.settle()
    attempt(near.recv, 64)
    attempt(near.send, b"still there?")
    net.settle()


def waiting(net: Network) -> tuple[TracedSocket, TracedSocket]:
    """连上了，服务器还没有 accept()：``(客户端的套接字, 监听的套接字)``。"""
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    near = net.client.socket()
    near.connect((net.server.address, PORT))
    net.settle()
    return near, listener
