"""第 05 章的主实验：六种离开的办法，各自惊动了谁？"""

import struct
from collections.abc import Callable
from socket import SHUT_RD, SHUT_RDWR, SHUT_WR, SO_LINGER, SOL_SOCKET

from sockscope.experiments import Choice, Switch, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT
from sockscope.live.socket import TracedSocket


def linger_zero(net: Network, sock: TracedSocket) -> None:
    sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


LEAVE: dict[str, Callable[[Network, TracedSocket], None]] = {
    "close": lambda net, sock: sock.close(),
    "SHUT_WR": lambda net, sock: sock.shutdown(SHUT_WR),
    "SHUT_RD": lambda net, sock: sock.shutdown(SHUT_RD),
    "SHUT_RDWR": lambda net, sock: sock.shutdown(SHUT_RDWR),
    "linger0": linger_zero,
    "kill": lambda net, sock: net.client.process(sock).kill(),
}


@experiment(
    chapter="05", title="六种离开的办法", lossless=True, loopback=True, scissors=({"how": "SHUT_WR", "peer_sends": True},),
    question="客户端离开时，网线上走了什么？两边的下一次调用会怎样？",
    how=Choice("客户端怎样离开", {
        "close": "close()", "SHUT_WR": "shutdown(SHUT_WR)", "SHUT_RD": "shutdown(SHUT_RD)",
        "SHUT_RDWR": "shutdown(SHUT_RDWR)", "linger0": "SO_LINGER 0 再 close()", "kill": "进程被 kill -9"}),
    unread=Switch("离开时还有没读的数据"),
    peer_sends=Switch("对端之后还发两次"),
    duplicate=Switch("手里还有一份 dup()"))
def closing(net: Network, how: str, unread: bool, peer_sends: bool, duplicate: bool) -> None:
    near, far = connected(net)
    if unread:
        far.send(b"unread")
    copy = near.dup() if duplicate else near
    net.settle()

    LEAVE[how](net, near)
    net.settle()

    for word in (b"late", b"later") if peer_sends else ():
        attempt(far.send, word)
        net.settle()
    while attempt(far.recv, 64, MSG_DONTWAIT):  # EAGAIN：对端什么也没察觉
        pass
    if copy.fileno() >= 0:  # 还有描述符，就再用用看
        attempt(copy.send, b"more")
        net.settle()
        attempt(copy.recv, 64, MSG_DONTWAIT)
    far.close()
    net.settle()
