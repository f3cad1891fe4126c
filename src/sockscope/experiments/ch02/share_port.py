"""第 02 章：两个监听共用一个端口，要两边都同意。"""

from socket import SOL_SOCKET

from sockscope.experiments import PORT, Switch, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import SO_REUSEPORT


@experiment(
    chapter="02", title="共用一个端口", question="两个套接字绑定同一个地址、同一个端口：怎样设才行得通？",
    first=Switch("第一个设了 SO_REUSEPORT", True), second=Switch("第二个设了 SO_REUSEPORT", True))
def share_port(net: Network, first: bool, second: bool) -> None:
    for allowed in (first, second):
        sock = net.server.socket()
        sock.setsockopt(SOL_SOCKET, SO_REUSEPORT, int(allowed))
        attempt(sock.bind, (net.server.address, PORT))
