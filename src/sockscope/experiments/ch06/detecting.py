"""第 06 章：断线之后多久才知道？保活、TCP_USER_TIMEOUT 与重传，各按各的公式。"""

from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPCNT, TCP_KEEPINTVL

from sockscope.experiments import Choice, Switch, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_KEEPIDLE, TCP_USER_TIMEOUT


@experiment(
    chapter="06", title="多久才知道", question="网线断了。按这些设置，recv() 在第几秒报错？先用公式算，再看实测。",
    keepalive=Choice("保活：空闲、间隔、次数（缺省 7200-75-9）", {
        "1-1-3": "1-1-3", "1-1-1": "1-1-1", "2-1-2": "2-1-2", "1-2-2": "1-2-2", "off": "不打开"}),
    user_timeout=Choice("TCP_USER_TIMEOUT（毫秒）", {0: "不设", 1000: "1000", 2500: "2500"}, (0, 6000)),
    data=Switch("断线之后发了数据（tcp_retries2 为 3，缺省 15）"))
def detecting(net: Network, keepalive: str, user_timeout: int, data: bool) -> None:
    net.client.sysctl("tcp_retries2", 3)
    near, _far = connected(net)
    net.settle()
    if keepalive != "off":
        near.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        for option, value in zip((TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT), keepalive.split("-"), strict=True):
            near.setsockopt(IPPROTO_TCP, option, int(value))
    if user_timeout:
        near.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout)
    net.cable.cut()
    if data:
        near.send(b"hello")
    near.settimeout(6)  # 只为让“永远不知道”有个尽头
    attempt(near.recv, 64)
