"""第 11 章：路的中间窄了一段，该报告的那个 ICMP 又回不来。"""

from socket import IPPROTO_TCP

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.experiments.ch11.option_effects import narrow
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT, TCP_USER_TIMEOUT

PROBING = {0: "0：不探测（缺省）", 1: "1：发现黑洞就探测"}


@experiment(
    chapter="11", title="路径 MTU 的黑洞", hosts=("client", "router", "server"), limit=40, cuttable=False,
    question="路由器后面只放得过 600 字节，它报告的 ICMP 又被扔掉。先发 100 字节，再发 1000 字节：各到得了吗？",
    probing=Choice("客户端的 tcp_mtu_probing", PROBING))
def black_hole(net: Network, probing: int) -> None:
    narrow(net.router, "eth1", 600)
    net.cables[0].drop(match=lambda packet: packet.protocol == "icmp", times=100)
    net.client.sysctl("tcp_mtu_probing", probing)
    net.client.sysctl("tcp_early_retrans", 0)  # 不要尾部探测：重传只由定时器，次数才不靠运气
    near, far = connected(net)
    near.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, 20_000 if probing else 2_500)  # 缺省要重传十几分钟；离第三、第四次重传都远
    attempt(near.send, bytes(100))
    net.settle()
    attempt(far.recv, 65_536, MSG_DONTWAIT)
    attempt(near.send, bytes(1000))
    waiting = far if probing else near
    attempt(waiting.recv, 65_536)
