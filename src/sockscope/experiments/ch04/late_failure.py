"""第 04 章：send() 成功了，数据却没有到。你什么时候才知道？"""

from socket import IPPROTO_TCP

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.experiments.kinds import unhurried
from sockscope.live import Network
from sockscope.live.linux import TCP_USER_TIMEOUT

HAPPENS = {
    "closed": lambda net, far: far.close(),
    "killed": lambda net, far: net.server.process(far).kill(),
    "rebooted": lambda net, far: net.server.reboot(),
    "cut": lambda net, far: net.cable.cut(),
}


@experiment(
    chapter="04", title="迟到的坏消息", delay=0.05, question="对端已经不在了，send() 返回什么？坏消息由哪一次调用带来？",
    scissors=({"what": "killed"},),
    what=Choice("对端出了什么事", {
        "closed": "程序 close() 了", "killed": "进程被杀，数据还没读", "rebooted": "主机断电重启", "cut": "网线断了"}),
    then=Choice("接着做什么", {"send": "再 send() 两次", "recv": "recv() 两次"}))
def late_failure(net: Network, what: str, then: str) -> None:
    unhurried(net)
    near, far = connected(net)
    if what == "killed":
        near.send(b"unread")
    net.settle()  # 先送到：剪掉它，第一次重传也在 300 毫秒左右
    near.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, 300)  # 毫秒；缺省要重传 15 次，约 15 分钟
    HAPPENS[what](net, far)
    near.send(b"first")  # 对端已经不在，消息还没有传到这里
    net.settle()
    for _ in range(2):
        attempt(*((near.send, b"more") if then == "send" else (near.recv, 64)))
    net.settle()
