"""第 08 章：一根丢包、重复、乱序的网线，数据报收到时成了什么样子？"""

from socket import AF_INET, SOCK_DGRAM

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT


@experiment(
    chapter="08", title="坏脾气的网线", scissors=({"temper": "all", "seed": 29},),
    question="发出 0 到 7 八个数据报。收到几个？什么次序？谁告诉你少了哪个？",
    temper=Choice("网线的脾气", {
        "loss": "十个里丢三个", "duplicate": "十个里有三个送两份", "reorder": "十个里有三个走得慢", "all": "三样都有"}),
    seed=Choice("种子", {4: "4", 29: "29", 92: "92"}, (0, 999)))
def rough_cable(net: Network, temper: str, seed: int) -> None:
    net.cable.seed, net.cable.reorder_delay = seed, 0.5
    for trouble in ("loss", "duplicate", "reorder"):
        if temper in (trouble, "all"):
            setattr(net.cable, trouble, 0.3)
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, PORT))
    for number in range(8):
        near.sendto(b"%d" % number, far.getsockname())
    net.settle()
    while attempt(far.recv, 64, MSG_DONTWAIT):
        pass
