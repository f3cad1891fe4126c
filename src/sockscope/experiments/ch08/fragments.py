"""第 08 章：一个数据报比网线的 MTU（1500 字节）大，会怎样？丢了其中一片呢？"""

from socket import AF_INET, SOCK_DGRAM
from typing import Any

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.trace import Packet


def is_last(packet: Packet) -> bool:
    """IP 首部里没有“后面还有”（MF）的标志。"""
    return not bytes.fromhex(packet.raw)[6] & 0x20


LOSSES: dict[str, dict[str, Any]] = {"none": {}, "first": {"n": 1}, "last": {"match": is_last}}


@experiment(
    chapter="08", title="分片", scissors=({"lost": "last"},),
    question="数据报多大会被切开？丢了一片，接收方得到多少？",
    size=Choice("数据报", {4000: "4000 个字节", 1472: "1472 个字节", 1473: "1473 个字节", 65_508: "65508 个字节"}, (0, 65_535)),
    lost=Choice("网线", {"none": "都送到", "first": "丢掉第一片", "last": "丢掉最后一片"}))
def fragments(net: Network, size: int, lost: str) -> None:
    net.server.sysctl("ipfrag_time", 1)  # 凑不齐就放弃，一秒；缺省是 30 秒
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, PORT))
    far.settimeout(2)
    if LOSSES[lost]:
        net.cable.drop(**LOSSES[lost])
    if attempt(near.sendto, bytes(size), far.getsockname()):
        attempt(far.recvfrom, 65_536)
