"""第 09 章：数据报到了，除了数据和来处，内核还知道什么？"""

from socket import AF_INET, IPPROTO_IP, SO_BROADCAST, SOCK_DGRAM, SOL_SOCKET

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

IP_PKTINFO, IP_RECVTTL, SO_TIMESTAMPNS = 8, 12, 35  # <linux/in.h>、<asm-generic/socket.h>
WANTED = {"pktinfo": (IPPROTO_IP, IP_PKTINFO), "ttl": (IPPROTO_IP, IP_RECVTTL), "stamp": (SOL_SOCKET, SO_TIMESTAMPNS)}


@experiment(
    chapter="09", title="随数据报而来", scissors=({"wanted": "all"},),
    question="问了才给：发到哪个地址、剩下几跳、几时到的。地方不够放呢？",
    wanted=Choice("问什么", {
        "pktinfo": "IP_PKTINFO：发到哪里", "ttl": "IP_RECVTTL：TTL 还剩多少", "stamp": "SO_TIMESTAMPNS：几时到的",
        "all": "三样都问", "nothing": "什么也不问"}),
    room=Choice("给辅助数据的地方", {128: "128 个字节", 32: "32 个字节", 0: "不给"}, (0, 256)),
    target=Choice("发到", {"one": "10.0.0.2", "subnet": "10.0.0.255：广播"}))
def arriving(net: Network, wanted: str, room: int, target: str) -> None:
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind(("0.0.0.0", PORT))
    for name, option in WANTED.items():
        if wanted in (name, "all"):
            far.setsockopt(*option, 1)
    near.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)
    near.sendto(b"hello", ("10.0.0.255" if target == "subnet" else net.server.address, PORT))
    net.settle()
    attempt(far.recvmsg, 64, room, MSG_DONTWAIT)
