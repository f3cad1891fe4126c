"""第 08 章：发给一个组，谁收得到？"""

from socket import AF_INET, IP_ADD_MEMBERSHIP, IP_MULTICAST_IF, IPPROTO_IP, SOCK_DGRAM, inet_aton

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

GROUP = "239.7.7.7"  # 239.0.0.0/8 留给自己家里用（RFC 2365）
AGAIN = "ipv4/conf/eth0/igmpv3_unsolicited_report_interval"
IP_MULTICAST_ALL = 49  # <linux/in.h>；Python 没有给它名字


@experiment(
    chapter="08", title="组播", question="发给 239.7.7.7。要收到它，谁得先加入？隔着路由器呢？",
    hosts=("client", "router", "server"),
    joined=Choice("谁加入了", {
        "self": "收的套接字自己", "other": "同一台主机上的另一个套接字", "nobody": "没有人",
        "strict": "另一个套接字，而收的设了 IP_MULTICAST_ALL 为 0"}),
    where=Choice("收的在", {"router": "同一根网线上（路由器）", "server": "路由器后面（服务器）"}))
def multicasting(net: Network, joined: str, where: str) -> None:
    host = net[where]
    host.sysctl(AGAIN, 10**9)  # 成员报告的第二遍推到十几天以后，毫秒；缺省在一秒之内，靠运气
    far, other = host.socket(AF_INET, SOCK_DGRAM), host.socket(AF_INET, SOCK_DGRAM)
    far.bind(("0.0.0.0", PORT))
    if joined == "strict":
        far.setsockopt(IPPROTO_IP, IP_MULTICAST_ALL, 0)
    if joined != "nobody":
        member = far if joined == "self" else other
        member.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, inet_aton(GROUP) + inet_aton(host.address))
        while not net.trace.packets:  # 内核过一瞬才把成员报告发出去
            net.settle()
    near = net.client.socket(AF_INET, SOCK_DGRAM)
    near.setsockopt(IPPROTO_IP, IP_MULTICAST_IF, inet_aton(net.client.address))
    near.sendto(b"members", (GROUP, PORT))
    net.settle()
    attempt(far.recvfrom, 64, MSG_DONTWAIT)
