"""第 07 章：一条连好的 TCP 连接，交给另一个进程。"""

import socket
import sys

from sockscope.experiments import Choice, Switch, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import AF_UNIX, MSG_DONTWAIT

# 另一个进程：连上那扇门，等一声招呼，收下描述符，说一句话。
TAKER = """
import os, signal, socket, sys
path, then = sys.argv[1:]
desk = socket.socket(socket.AF_UNIX)
desk.connect(path)
sys.stdin.readline()
if then == "never":
    sys.exit()
fd = socket.recv_fds(desk, 64, 1)[1][0]
if then == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
socket.socket(fileno=fd).sendall(b"hello")
"""


@experiment(
    chapter="07", title="把连接交给另一个进程", question="hello 是谁发的？FIN 什么时候发？", delay=0.005,
    then=Choice("另一个进程", {"speaks": "收下，说一句，退出", "dies": "收下，被 kill -9", "never": "没有收，就退出了"}),
    keeps=Switch("自己还留着一份"),
    home=Choice("它在哪里", {"server": "服务器上", "client": "客户端上，另一个网络命名空间"}))
def passing(net: Network, then: str, keeps: bool, home: str) -> None:
    near, far = connected(net)
    door = net.server.socket(AF_UNIX)
    door.bind(net.folder + "door")
    door.listen()
    taker = net[home].program(sys.executable, "-IS", "-c", TAKER, net.folder + "door", then)
    desk, _ = door.accept()
    socket.send_fds(desk, [b"take"], [far.fileno()])
    if not keeps:
        far.close()
    net.settle()

    taker.stdin.write(b"\n")
    taker.wait()
    net.act(home, "exit")
    net.settle()
    while attempt(near.recv, 64, MSG_DONTWAIT):  # EAGAIN：还有人拿着它
        pass
