"""第 06 章的主实验：对端出了事，谁发现，什么时候，靠哪一个包？"""

from collections.abc import Callable
from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPCNT, TCP_KEEPINTVL

from sockscope.experiments import Choice, Switch, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_KEEPIDLE, TCP_USER_TIMEOUT
from sockscope.live.socket import TracedSocket


def echo(far: TracedSocket) -> None:
    while data := far.recv(64):
        far.send(data)


def keepalive(near: TracedSocket) -> None:
    near.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
    for option, value in ((TCP_KEEPIDLE, 1), (TCP_KEEPINTVL, 1), (TCP_KEEPCNT, 3)):
        near.setsockopt(IPPROTO_TCP, option, value)


def user_timeout(near: TracedSocket) -> None:
    near.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, 2000)


def listen(near: TracedSocket) -> None:
    near.settimeout(5.5)  # 只为让这个实验有个尽头；避开第五声保活，它在 5.1 秒
    while attempt(near.recv, 64):
        pass


def heartbeat(near: TracedSocket) -> None:
    """一秒没有消息就问一声；连问三声没有回音，就当对端死了。"""
    near.settimeout(1)
    asked = heard = 0
    while heard < 4:  # 活着的对端会一直答下去，看四次就够了
        try:
            near.recv(64)
            asked, heard = 0, heard + 1
        except TimeoutError:
            if asked == 3:
                return near.close()
            near.send(b"ping")
            asked += 1


HAPPENS: dict[str, Callable[[Network, TracedSocket], object]] = {
    "alive": lambda net, far: net.server.spawn(echo, far),
    "hung": lambda net, far: net.server.process(far).stop(),
    "cut": lambda net, far: net.cable.cut(),
    "rebooted": lambda net, far: net.server.reboot(),
}
GUARDS: dict[str, list[Callable[[TracedSocket], None]]] = {
    "nothing": [listen], "keepalive": [keepalive, listen], "user_timeout": [user_timeout, listen],
    "both": [keepalive, user_timeout, listen], "heartbeat": [heartbeat],
}


@experiment(
    chapter="06", title="谁发现对端出了事", scissors=({"peer": "hung", "guard": "keepalive"},),
    question="对端活着、卡死、断线、重启：客户端什么时候知道？靠哪一个包？（看五秒多）",
    peer=Choice("对端", {"alive": "活着", "hung": "进程卡死（SIGSTOP）", "cut": "网线断了", "rebooted": "断电重启"}),
    guard=Choice("客户端靠什么", {
        "nothing": "什么也不设", "keepalive": "保活：1 秒、1 秒、3 次（缺省 7200、75、9）",
        "user_timeout": "TCP_USER_TIMEOUT 2 秒（缺省不设）", "both": "保活加 TCP_USER_TIMEOUT",
        "heartbeat": "心跳：1 秒一问，三次为限"}),
    speaks=Switch("出事之后，客户端说了一句话"))
def noticing(net: Network, peer: str, guard: str, speaks: bool) -> None:
    near, far = connected(net)
    net.settle()
    *options, wait = GUARDS[guard]
    for option in options:
        option(near)
    HAPPENS[peer](net, far)
    if speaks:
        near.send(b"hello")
    attempt(wait, near)
    net.settle()
