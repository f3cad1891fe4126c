"""第 06 章：没有按时回音，是死了，还是慢？"""

from select import select
from socket import IPPROTO_TCP, TCP_NODELAY
from time import monotonic

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.experiments.ch06.noticing import echo
from sockscope.live import Network
from sockscope.live.socket import TracedSocket

PERIOD = 0.5  # 秒：每隔这么久问一声，也是等回音的期限


def sick(net: Network, what: str, far: TracedSocket) -> None:
    if what == "hung":
        return net.server.process(far).stop()
    if what == "lossy":
        net.cable.drop(match=lambda packet: packet.src == "client" and packet.length > 0, times=2)
    if what == "cut":
        net.cable.cut()
    net.server.spawn(echo, far)


@experiment(
    chapter="06", title="死了，还是慢", question="半秒一问。第一声过了半秒还没有回音：对端死了吗？几次没有回音才算数？",
    what=Choice("实情", {
        "fine": "一切正常", "slow": "网线慢：一个来回 0.7 秒", "lossy": "第一声丢了两次",
        "hung": "进程卡死（SIGSTOP）", "cut": "网线断了"}),
    patience=Choice("几次没有回音就判它死", {1: "1 次", 3: "3 次"}, (1, 4)))
def dead_or_slow(net: Network, what: str, patience: int) -> None:
    net.cable.delay = 0.35 if what == "slow" else 0.01
    near, far = connected(net)
    for sock in near, far:
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # 心跳不能攒着等上一个的确认
    net.settle()
    sick(net, what, far)
    tick, silent = monotonic(), 0
    for number in range(4):
        near.send(b"ping %d" % number)
        tick, silent = tick + PERIOD, silent + 1
        while select([near], [], [], max(0, tick - monotonic()))[0]:
            attempt(near.recv, 64)  # 哪一声的回音都算
            silent = 0
        if silent == patience:
            near.close()
            break
    net.settle()
