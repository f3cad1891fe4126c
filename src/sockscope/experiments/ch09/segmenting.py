"""第 09 章：一次 sendmsg()，几个数据报？UDP_SEGMENT 叫内核来切。"""

from socket import AF_INET, IPPROTO_UDP, SOCK_DGRAM

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

UDP_SEGMENT, UDP_GRO = 103, 104  # <linux/udp.h>


@experiment(
    chapter="09", title="叫内核来切", checksums=True,
    question="aaaabbbbcc 一次交给内核，叫它每四个字节切成一个数据报。走了几个包？收了几次？",
    segment=Choice("UDP_SEGMENT", {4: "每 4 个字节", 0: "不切"}, (0, 10)),
    where=Choice("收的在", {"server": "网线那头", "client": "同一台主机"}),
    merged=Switch("收的设了 UDP_GRO"))
def segmenting(net: Network, segment: int, where: str, merged: bool) -> None:
    far, near = net[where].socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net[where].address, PORT))
    near.bind((net.client.address, PORT + 1))
    if merged:
        far.setsockopt(IPPROTO_UDP, UDP_GRO, 1)
    control = [(IPPROTO_UDP, UDP_SEGMENT, segment.to_bytes(2, "little"))] if segment else []
    attempt(near.sendmsg, [b"aaaabbbbcc"], control, 0, far.getsockname())
    net.settle()
    while attempt(far.recvmsg, 64, 64, MSG_DONTWAIT):
        pass
