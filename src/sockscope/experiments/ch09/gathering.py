"""第 09 章：几块内存一次发出，对面看得出是几块吗？"""

from socket import IPPROTO_TCP, TCP_NODELAY

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.kinds import KINDS, couple
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

PIECES = b"ab", b"cde", b"f"


@experiment(
    chapter="09", title="几块内存，一条消息", loopback=True, lossless=True,
    question="ab、cde、f 三块内存。一次 sendmsg() 发出，和三次 send() 发出，对面看得出区别吗？",
    kind=Choice("套接字", {"udp": KINDS["udp"], **KINDS}),
    how=Choice("怎样发", {"once": "一次 sendmsg()", "thrice": "三次 send()"}),
    into=Choice("怎样收", {"parts": "recvmsg_into()，2、3、8 个字节的三块", "one": "recvmsg()，一块 64 个字节"}))
def gathering(net: Network, kind: str, how: str, into: str) -> None:
    near, far = couple(net, kind)
    if kind == "tcp":
        near.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # 写一次走一个包，不攒
    if how == "once":
        near.sendmsg(PIECES)
    for piece in PIECES if how == "thrice" else ():
        near.send(piece)
    net.settle()
    for _ in range(4):
        if into == "one":
            attempt(far.recvmsg, 64, 0, MSG_DONTWAIT)
        else:
            attempt(far.recvmsg_into, [bytearray(2), bytearray(3), bytearray(8)], 0, MSG_DONTWAIT)
