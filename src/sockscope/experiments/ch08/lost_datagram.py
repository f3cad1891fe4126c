"""第 08 章的第一块石头：数据报丢了，谁会告诉你？"""

from socket import AF_INET, SOCK_DGRAM

from sockscope.experiments import PORT, Switch, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="08", title="丢了的数据报", question="网线丢掉第一个数据报，发送方知道吗？接收方呢？",
    lost=Switch("网线丢掉第一个包", True))
def lost_datagram(net: Network, lost: bool) -> None:
    receiver = net.server.socket(AF_INET, SOCK_DGRAM)
    receiver.bind((net.server.address, PORT))
    receiver.settimeout(0.2)
    if lost:
        net.cable.drop(n=1)
    sender = net.client.socket(AF_INET, SOCK_DGRAM)
    for word in (b"one", b"two"):
        sender.sendto(word, receiver.getsockname())
    while attempt(receiver.recvfrom, 64):
        pass
