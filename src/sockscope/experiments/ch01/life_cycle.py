"""第 01 章：流套接字和数据报套接字的一生。"""

from socket import AF_INET, SOCK_DGRAM, SOCK_STREAM

from sockscope.experiments import PORT, Choice, experiment
from sockscope.live import Network


def stream(net: Network) -> None:
    listener = net.server.socket(AF_INET, SOCK_STREAM)
    listener.bind((net.server.address, PORT))
    listener.listen()
    near = net.client.socket(AF_INET, SOCK_STREAM)
    near.connect((net.server.address, PORT))
    far, _ = listener.accept()
    near.send(b"hello")
    far.recv(64)


def datagram(net: Network) -> None:
    far = net.server.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, PORT))
    near = net.client.socket(AF_INET, SOCK_DGRAM)
    near.sendto(b"hello", (net.server.address, PORT))
    far.recvfrom(64)


@experiment(
    chapter="01", title="一生", lossless=True, question="说出第一句话之前，各要几次调用？网线上走了几个包？", loopback=True,
    kind=Choice("类型", {"SOCK_STREAM": "SOCK_STREAM：TCP", "SOCK_DGRAM": "SOCK_DGRAM：UDP"}))
def life_cycle(net: Network, kind: str) -> None:
    net.births = True
    stream(net) if kind == "SOCK_STREAM" else datagram(net)
