"""第 14 章：十段里丢了几段，多久补上？要看丢的是哪几段。"""

from functools import partial
from socket import MSG_WAITALL

from sockscope.experiments import Choice, Switch, experiment
from sockscope.experiments.ch14.segments import SEGMENT, small_segments
from sockscope.live import Network
from sockscope.trace import Packet

LOST = {"middle": (4,), "tail": (9, 10), "none": ()}  # 第几段


def carries(nth: int, packet: Packet) -> bool:
    """这个包带的是不是第 ``nth`` 段。"""
    return packet.length > 0 and packet.seq == 1 + (nth - 1) * SEGMENT


@experiment(
    chapter="14", title="丢了一段", delay=0.05, cuttable=False,
    question="十段一口气发出，来回 100 毫秒。丢了，内核怎样知道，多久补上？",
    lost=Choice("丢的是", {"middle": "第 4 段", "tail": "最后两段", "none": "不丢"}),
    probe=Switch("尾部丢失探测（tcp_early_retrans 3，Linux 的缺省）"))
def lost_segment(net: Network, lost: str, probe: bool) -> None:
    net.client.sysctl("tcp_early_retrans", 3 if probe else 0)
    near, far = small_segments(net)
    net.settle()
    for nth in LOST[lost]:
        net.cable.drop(match=partial(carries, nth))
    near.sendall(bytes(10 * SEGMENT))
    far.recv(10 * SEGMENT, MSG_WAITALL)
    net.settle()
