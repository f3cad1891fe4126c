"""第 13 章：路上的 NAT 忘了一条空闲的连接，两头都不知道。"""

from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPINTVL

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_KEEPIDLE, TCP_USER_TIMEOUT

MEMORY = 2  # NAT 记得一条安静的连接多久，秒；内核的缺省是 5 天，云上的网关多是几分钟
IDLE = 3.5  # 客户端空闲多久，秒


@experiment(
    chapter="13", title="被忘掉的连接", hosts=("client", "nat", "server"), limit=30,
    question="连接空闲了 3.5 秒，路上的 NAT 只记 2 秒。客户端再说一句话，到得了吗？",
    guard=Choice("客户端", {"nothing": "什么也不设", "keepalive": "保活，空闲 1 秒就问一声"}))
def forgotten(net: Network, guard: str) -> None:
    net.nat.sysctl("netfilter/nf_conntrack_tcp_timeout_established", MEMORY)
    net.nat.sysctl("netfilter/nf_conntrack_tcp_loose", 0)  # 半路上的包不算数：忘了就是忘了
    net.nat.masquerade("server")
    net.client.sysctl("tcp_early_retrans", 0)  # 不要尾部探测：重传只由定时器，次数才不靠运气
    near, far = connected(net)
    near.setsockopt(SOL_SOCKET, SO_KEEPALIVE, int(guard == "keepalive"))
    for option in (TCP_KEEPIDLE, TCP_KEEPINTVL):
        near.setsockopt(IPPROTO_TCP, option, 1)
    near.settimeout(IDLE)
    attempt(near.recv, 64)  # 没有人说话：就这样空闲着
    near.settimeout(None)
    near.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, 1000)  # 只为让实验早些结束：缺省要重传十几分钟
    attempt(near.send, b"still there?")
    waiting = near if guard == "nothing" else far
    attempt(waiting.recv, 64)
