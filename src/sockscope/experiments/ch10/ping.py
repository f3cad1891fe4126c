"""第 10 章：一个手写的 ping。"""

from socket import AF_INET, IPPROTO_ICMP, SOCK_DGRAM, SOCK_RAW

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.ch10.echoes import IDENTIFIER, echo
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

KINDS = {"SOCK_RAW": SOCK_RAW, "SOCK_DGRAM": SOCK_DGRAM}


@experiment(
    chapter="10", title="手写的 ping", question="校验和谁来算？收到的字节从哪里开始？",
    kind=Choice("类型", {"SOCK_RAW": "SOCK_RAW：原始套接字", "SOCK_DGRAM": "SOCK_DGRAM：ping 套接字"}),
    checksum=Choice("校验和", {"right": "程序算好", "zero": "留着 0"}))
def ping(net: Network, kind: str, checksum: str) -> None:
    net.client.sysctl("ping_group_range", "0 0")  # 缺省是 1 0：谁也不行
    sock = net.client.socket(AF_INET, KINDS[kind], IPPROTO_ICMP)
    if kind == "SOCK_DGRAM":
        sock.bind(("0.0.0.0", IDENTIFIER))  # ping 套接字的端口就是标识，缺省由内核挑
    sock.sendto(echo(correct=checksum == "right"), (net.server.address, 0))
    net.settle()
    attempt(sock.recvfrom, 2048, MSG_DONTWAIT)
