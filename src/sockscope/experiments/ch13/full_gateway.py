"""第 13 章：网关替人换地址，端口换完了：新的连接没有回音，旧的照常。"""

from socket import IPPROTO_TCP

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_SYNCNT

FIRST = 40_000


@experiment(
    chapter="13", title="网关记满了", hosts=("client", "nat", "server"),
    question="网关去往服务器只剩两个端口可换，客户端要开三条连接。第三条得到什么？前两条还通吗？",
    cure=Choice("怎么办", {
        "nothing": "什么也不做", "ports": "网关多两个端口", "reuse": "第三次问用第一条连接，不新开"}))
def full_gateway(net: Network, cure: str) -> None:
    net.nat.masquerade("server", ports=(FIRST, FIRST + (3 if cure == "ports" else 1)))
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    socks = [net.client.socket() for _ in range(2 if cure == "reuse" else 3)]
    for sock in socks:
        sock.setsockopt(IPPROTO_TCP, TCP_SYNCNT, 1)  # 3 秒后放弃；缺省是 6，要等 127 秒
        attempt(sock.connect, listener.getsockname())
    net.settle()
    conn, _ = listener.accept()
    attempt(socks[0].send, b"still open")
    net.settle()
    conn.settimeout(2)
    attempt(conn.recv, 64)
