"""第 08 章：缓冲区装不下一个数据报，装不下的去哪里了？"""

from socket import AF_INET, MSG_TRUNC, SOCK_DGRAM

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT


@experiment(
    chapter="08", title="装不下的数据报", loopback=True,
    question="先后发来 abcdef 和 ghi。缓冲区小了，第一次读到什么？第二次读到的是剩下的，还是下一个？",
    size=Choice("缓冲区", {4: "4 个字节", 1: "1 个字节", 64: "64 个字节"}, (1, 64)),
    how=Choice("怎样读", {"recv": "recv()", "recvmsg": "recvmsg()：返回标志", "trunc": "recv_into()，带上 MSG_TRUNC"}))
def truncated(net: Network, size: int, how: str) -> None:
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, PORT))
    for word in (b"abcdef", b"ghi"):
        near.sendto(word, far.getsockname())
    net.settle()
    for _ in range(3):
        if how == "trunc":
            attempt(far.recv_into, bytearray(size), size, MSG_TRUNC | MSG_DONTWAIT)
        else:
            attempt(far.recv, size, MSG_DONTWAIT) if how == "recv" else attempt(far.recvmsg, size, 0, MSG_DONTWAIT)
