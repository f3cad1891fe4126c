"""第 10 章：前一条消息丢了，后一条要不要等它？"""

from sockscope.experiments import Choice, experiment
from sockscope.experiments.ch10.associations import associated
from sockscope.live import Network


@experiment(
    chapter="10", title="多条流", question="第一条消息丢了，第二条先到。程序先读到哪一条？",
    second=Choice("第二条消息走", {1: "另一条流", 0: "同一条流"}))
def streams(net: Network, second: int) -> None:
    near, far = associated(net)
    net.cable.drop(match=lambda packet: "DATA" in packet.flags)
    near.send(b"first", 0)
    near.send(b"second", second)
    far.recv()
    far.recv()
