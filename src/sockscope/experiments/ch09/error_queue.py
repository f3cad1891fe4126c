"""第 09 章：数据报送不到，错误队列里写着什么？"""

from socket import AF_INET, IP_TTL, IPPROTO_IP, SOCK_DGRAM

from sockscope.experiments import Choice, Switch, attempt, experiment
from sockscope.experiments.ch08.bad_news import NEWS, undeliverable
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT, MSG_ERRQUEUE

IP_RECVERR = 11  # <linux/in.h>；Python 3.14 才给它名字


@experiment(
    chapter="09", title="错误队列", hosts=("client", "router", "server"),
    question="送不到的是哪一个数据报，谁说的，说了什么？recv() 只有一个 errno，错误队列里有全部。",
    news=Choice("送不到的原因", {"host": NEWS["host"], **NEWS, "ttl": "路由器答：TTL 用尽"}),
    asked=Switch("设了 IP_RECVERR", True),
    connected=Switch("先 connect() 再发"))
def error_queue(net: Network, news: str, asked: bool, connected: bool) -> None:
    target = undeliverable(net, news)
    sock = net.client.socket(AF_INET, SOCK_DGRAM)
    if news == "ttl":
        sock.setsockopt(IPPROTO_IP, IP_TTL, 1)
    if asked:
        sock.setsockopt(IPPROTO_IP, IP_RECVERR, 1)
    if connected:
        sock.connect(target)
    sock.sendto(b"anyone?", target)
    net.settle()
    attempt(sock.recv, 64, MSG_DONTWAIT)
    attempt(sock.recvmsg, 64, 256, MSG_ERRQUEUE)
    attempt(sock.recvmsg, 64, 256, MSG_ERRQUEUE)
