"""第 09 章：服务器有两个地址，客户端问的是远的那个。回答从哪个地址发出？"""

from socket import AF_INET, IPPROTO_IP, SOCK_DGRAM

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT

IP_PKTINFO = 8  # <linux/in.h>


@experiment(
    chapter="09", title="从哪个地址回答", hosts=("client", "server", "peer"),
    question="服务器有 10.0.0.2 和 10.0.1.1 两个地址，绑定在 0.0.0.0。客户端问的是 10.0.1.1，回答的来处写着哪一个？",
    how=Choice("怎样回", {"plain": "直接 sendto()", "pktinfo": "sendmsg()，带上 IP_PKTINFO"}),
    connected=Switch("客户端先 connect()", True))
def reply_from(net: Network, how: str, connected: bool) -> None:
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind(("0.0.0.0", PORT))
    far.setsockopt(IPPROTO_IP, IP_PKTINFO, 1)
    there = "10.0.1.1", PORT
    if connected:
        near.connect(there)
    near.sendto(b"question", there)
    net.settle()
    if not (letter := attempt(far.recvmsg, 64, 64, MSG_DONTWAIT)):
        return  # 问题被剪掉了
    _, [(level, kind, info)], _, peer = letter
    if how == "pktinfo":  # 收到时末四个字节是到达的地址；发时中间四个是要用的来处
        far.sendmsg([b"answer"], [(level, kind, bytes(4) + info[8:] + bytes(4))], 0, peer)
    else:
        far.sendto(b"answer", peer)
    net.settle()
    attempt(near.recvfrom, 64, MSG_DONTWAIT)
