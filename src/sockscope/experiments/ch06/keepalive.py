"""第 06 章的第一块石头：网线断了，没有人说话，谁会发现？"""

from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPCNT, TCP_KEEPINTVL

from sockscope.experiments import Switch, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_KEEPIDLE


@experiment(
    chapter="06", title="没有人说话时的保活", scissors=({"cut": False},),
    question="连接空闲时网线断了：recv() 会等多久？",
    keepalive=Switch("打开 SO_KEEPALIVE（1 秒后探测，每秒一次，3 次为限）", True),
    cut=Switch("剪断网线", True))
def keepalive(net: Network, keepalive: bool, cut: bool) -> None:
    near, _far = connected(net)
    near.setsockopt(SOL_SOCKET, SO_KEEPALIVE, int(keepalive))
    for option, value in ((TCP_KEEPIDLE, 1), (TCP_KEEPINTVL, 1), (TCP_KEEPCNT, 3)):
        near.setsockopt(IPPROTO_TCP, option, value)
    near.settimeout(5)  # 只为让这个实验有个尽头
    if cut:
        net.cable.cut()
    attempt(near.recv, 64)
