"""第 08 章：数据报套接字 connect() 以后，别人发来的还收不收？"""

from socket import AF_INET, SOCK_DGRAM

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.experiments.ch08.unspec import dissolve
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT


@experiment(
    chapter="08", title="只收一个对端的", loopback=True,
    question="服务器 connect() 到一个朋友（端口 7001）。陌生人（7002）发来的数据报到哪里去了？陌生人知道吗？",
    when=Choice("陌生人什么时候发来", {
        "after": "connect() 之后", "before": "connect() 之前", "dissolved": "connect() 又解除之后",
        "never": "服务器从不 connect()"}))
def filtering(net: Network, when: str) -> None:
    server = net.server.socket(AF_INET, SOCK_DGRAM)
    friend, stranger = net.client.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    server.bind((net.server.address, PORT))
    friend.bind((net.client.address, 7001))
    stranger.bind((net.client.address, 7002))
    stranger.connect(server.getsockname())
    if when == "before":
        stranger.send(b"stranger")
        net.settle()
    if when != "never":
        server.connect(friend.getsockname())
    if when == "dissolved":
        dissolve(server)
    friend.sendto(b"friend", server.getsockname())
    net.settle()
    if when != "before":
        stranger.send(b"stranger")
        net.settle()
    for _ in range(3):
        attempt(server.recvfrom, 64, MSG_DONTWAIT)
    attempt(stranger.recv, 64, MSG_DONTWAIT)
