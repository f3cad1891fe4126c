"""第 13 章：服务器不等请求传完就回答，然后关：客户端收得到回答吗。"""

from __future__ import annotations

from socket import MSG_WAITALL, SHUT_WR, SO_SNDBUF, SOL_SOCKET
from typing import TYPE_CHECKING

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.live import Network

if TYPE_CHECKING:
    from sockscope.live.socket import TracedSocket

ANSWER = 30_000


@experiment(
    chapter="13", title="被截断的拒绝", lossless=True, delay=0.2, cuttable=False,
    question="请求太大，服务器只读了开头，回答 30,000 字节的一页，就关了。客户端收得全吗？",
    leaves=Choice("服务器怎样关", {
        "close": "马上 close()", "drain": "shutdown(SHUT_WR)，读到结尾再 close()"}))
def cut_short(net: Network, leaves: str) -> None:
    near, far = connected(net)
    far.setsockopt(SOL_SOCKET, SO_SNDBUF, 100_000)  # 内核加倍：放得下整个回答
    near.send(bytes(2000))
    net.settle()
    far.recv(100)
    far.sendall(bytes(ANSWER))
    if leaves == "drain":
        far.shutdown(SHUT_WR)
        net.server.spawn(drain, far)
    else:
        far.close()
    while attempt(near.recv, ANSWER, MSG_WAITALL):
        pass
    near.close()
    net.settle()


def drain(far: TracedSocket) -> None:
    """读掉还没有读的，读到结尾，再关。"""
    while attempt(far.recv, 4096):
        pass
    far.close()
