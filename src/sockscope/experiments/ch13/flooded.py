"""第 13 章：握到一半的连接塞满了队列，老实的客户端还连得上吗。"""

import struct
from ipaddress import ip_address
from socket import AF_INET, IPPROTO_RAW, SOCK_RAW

from sockscope.experiments import PORT, Switch, attempt, experiment
from sockscope.live import Network

FAKES = 8


@experiment(
    chapter="13", title="只来一半的握手", cuttable=False,  # 剪过以后，几个 SYN+ACK 谁先重传靠运气
    question="八个伪造源地址的 SYN 占满了 listen(4) 的半连接队列。老实的客户端还连得上吗？",
    cookies=Switch("服务器开着 tcp_syncookies", True))
def flooded(net: Network, cookies: bool) -> None:
    net.server.sysctl("tcp_syncookies", int(cookies))
    net.server.sysctl("tcp_synack_retries", 1)  # 没有人回答的 SYN+ACK 早些作罢：缺省是 5 次，要一分钟
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen(4)
    raw = net.client.socket(AF_INET, SOCK_RAW, IPPROTO_RAW)
    for number in range(FAKES):
        raw.sendto(syn(f"10.0.0.{number + 101}", net.server.address), (net.server.address, 0))
    net.settle()
    near = net.client.socket()
    near.settimeout(0.5)  # 早于任何一方的重传
    attempt(near.connect, (net.server.address, PORT))
    net.settle()


def syn(source: str, target: str) -> bytes:
    """一个伪造源地址的 SYN：RFC 791 的 IP 首部，RFC 9293 的 TCP 首部。"""
    ends = ip_address(source).packed + ip_address(target).packed
    head = struct.pack("!HHIIBBHHH", 4000, PORT, 1, 0, 5 << 4, 2, 1024, 0, 0)
    total = checksum(ends + struct.pack("!HH", 6, len(head)) + head)
    head = head[:16] + struct.pack("!H", total) + head[18:]
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(head), 0, 0, 64, 6, 0) + ends + head


def checksum(data: bytes) -> int:
    """RFC 1071 的校验和。"""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
