"""第 04 章：五次只写一个字节，网线上走几个包？"""

from socket import IPPROTO_TCP, TCP_NODELAY

from sockscope.experiments import Choice, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_MORE, TCP_CORK


@experiment(
    chapter="04", title="五个一字节的包", question="连着五次 send() 一个字节，网线上走几个包，各带几个字节？",
    how=Choice("发送方怎样写", {
        "nagle": "缺省：Nagle 算法", "nodelay": "TCP_NODELAY", "cork": "TCP_CORK，写完再拔开",
        "more": "前四次带 MSG_MORE", "once": "攒成一次 send()"}))
def small_writes(net: Network, how: str) -> None:
    near, _far = connected(net)
    net.settle()
    if how in ("nodelay", "cork"):
        near.setsockopt(IPPROTO_TCP, TCP_NODELAY if how == "nodelay" else TCP_CORK, 1)
    for data in (b"hello",) if how == "once" else (b"h", b"e", b"l", b"l"):
        near.send(data, MSG_MORE if how == "more" else 0)
    if how != "once":
        near.send(b"o")
    if how == "cork":
        near.setsockopt(IPPROTO_TCP, TCP_CORK, 0)
    net.settle()
