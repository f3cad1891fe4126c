"""第 12 章：select() 说可读，recv() 却没有东西：校验和不对的数据报。"""

import select
import struct
from ipaddress import ip_address
from socket import AF_INET, IPPROTO_RAW, SOCK_DGRAM, SOCK_RAW

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="12", title="虚假的可读", waits=True, cuttable=False,
    question="来了一个校验和不对的数据报。select() 说可读吗？recv() 读得到什么？",
    nonblocking=Switch("套接字是非阻塞的", True), size=Choice("数据有多长", {100: "100 字节", 4: "4 字节"}),
    good=Switch("后面跟着一个好的"))
def spurious(net: Network, nonblocking: bool, size: int, good: bool) -> None:
    far = net.server.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, PORT))
    far.setblocking(not nonblocking)
    raw = net.client.socket(AF_INET, SOCK_RAW, IPPROTO_RAW)
    raw.sendto(damaged(net.client.address, net.server.address, size), (net.server.address, 0))
    if good:
        near = net.client.socket(AF_INET, SOCK_DGRAM)
        near.sendto(b"good", (net.server.address, PORT))
    net.settle()
    if select.select([far], [], [], 0.2)[0]:
        attempt(far.recv, 64)


def damaged(source: str, target: str, size: int) -> bytes:
    """一个 IP 包，里面的 UDP 校验和是错的（RFC 768、791）；IP 首部的校验和由内核填（raw(7)）。"""
    ends = ip_address(source).packed + ip_address(target).packed
    udp = struct.pack("!HHHH", 40_000, PORT, 8 + size, 0xDEAD) + bytes(size)
    return struct.pack("!BBHHHBBH", 0x45, 0, 28 + size, 1, 0, 64, 17, 0) + ends + udp
