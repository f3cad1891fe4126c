"""第 03 章：几个 connect() 一起来，队列装不下：谁以为连上了，谁真的连上了？"""

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="03", title="一起来的连接", delay=0.1, cuttable=False,
    question="listen(1) 之后一直不 accept()，五个客户端几乎同时来：哪几个连上了？",
    cookies=Choice("tcp_syncookies", {1: "1（缺省）", 0: "0"}), abort=Switch("tcp_abort_on_overflow"))
def crowd(net: Network, cookies: int, abort: bool) -> None:
    net.server.sysctl("tcp_syncookies", cookies)
    net.server.sysctl("tcp_abort_on_overflow", int(abort))
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen(1)
    net.client.socket().connect(listener.getsockname())
    for _ in range(4):  # 另外四个的 SYN 都在第一个 ACK 之前到
        sock = net.client.socket()
        sock.setblocking(False)
        attempt(sock.connect, listener.getsockname())
    net.settle()
