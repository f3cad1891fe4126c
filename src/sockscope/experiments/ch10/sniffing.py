"""第 10 章：网口上的包从哪个字节开始？"""

from socket import AF_INET, SOCK_DGRAM, SOCK_RAW, htons

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import AF_PACKET, MSG_DONTWAIT

ETH_P_IP = 0x0800  # <linux/if_ether.h>：只听进来的 IPv4
KINDS = {"SOCK_RAW": SOCK_RAW, "SOCK_DGRAM": SOCK_DGRAM}


@experiment(
    chapter="10", title="在网口上听", question="收到的第一个字节，是以太网首部的，还是 IP 首部的？",
    interface=Choice("客户端的网口", {"eth0": "eth0：这本书的网线（TUN）", "lo": "lo：环回"}),
    kind=Choice("类型", {"SOCK_RAW": "SOCK_RAW：连链路层首部", "SOCK_DGRAM": "SOCK_DGRAM：不要链路层首部"}))
def sniffing(net: Network, interface: str, kind: str) -> None:
    tap = net.client.socket(AF_PACKET, KINDS[kind], htons(ETH_P_IP))
    tap.bind((interface, 0))
    far = net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind(("127.0.0.1" if interface == "lo" else net.client.address, PORT))
    speaker = net.client if interface == "lo" else net.server
    speaker.socket(AF_INET, SOCK_DGRAM).sendto(b"hello", far.getsockname())
    net.settle()
    attempt(tap.recvfrom, 1, MSG_DONTWAIT)  # 只看第一个字节：0x45 是 IP 首部的开头
    attempt(far.recv, 64, MSG_DONTWAIT)
