"""第 09 章：传来两条连接的描述符，地方只够放一个，另一条怎么样了？"""

import socket
from array import array
from socket import SOCK_DGRAM

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import AF_UNIX, MSG_DONTWAIT, SCM_RIGHTS
from sockscope.live.socket import TracedSocket


def pair(net: Network, listener: TracedSocket) -> tuple[TracedSocket, TracedSocket]:
    """一条连好的 TCP 连接的两头。"""
    near = net.client.socket()
    near.connect(listener.getsockname())
    return near, listener.accept()[0]


@experiment(
    chapter="09", title="装不下的描述符", lossless=True,
    question="两条连接的描述符装在一条消息里，自己的已经放下。收的一方给的地方不够，网线上会发生什么？",
    room=Choice("给辅助数据的地方", {1: "只够放一个", 2: "够放两个", 0: "不给"}))
def truncated_rights(net: Network, room: int) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    (one, far_one), (two, far_two) = pair(net, listener), pair(net, listener)
    box, post = net.client.socket(AF_UNIX, SOCK_DGRAM), net.client.socket(AF_UNIX, SOCK_DGRAM)
    box.bind(net.folder + "box")
    post.connect(net.folder + "box")
    socket.send_fds(post, [b"take"], [one.fileno(), two.fileno()])
    one.close()
    two.close()
    net.settle()  # 还没有 FIN：消息里也有一份
    _, control, _, _ = box.recvmsg(64, socket.CMSG_LEN(4 * room) if room else 0)
    for fd in (fd for _, kind, data in control if kind == SCM_RIGHTS for fd in array("i", data)):
        socket.socket(fileno=fd)  # 收下；仪器留着它
    net.settle()
    for far in (far_one, far_two):
        attempt(far.recv, 64, MSG_DONTWAIT)
