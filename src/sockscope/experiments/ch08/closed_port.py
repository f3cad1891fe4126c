"""第 08 章：向没有人听的端口发数据报，发送的一方会知道吗？"""

from socket import AF_INET, SOCK_DGRAM

from sockscope.experiments import PORT, Switch, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="08", title="没有人听的端口", question="对面没有程序在听，recv() 会等下去，还是报错？", loopback=True,
    connected=Switch("先 connect() 再发", True))
def closed_port(net: Network, connected: bool) -> None:
    sock = net.client.socket(AF_INET, SOCK_DGRAM)
    sock.settimeout(0.2)  # 只为让这个实验有个尽头
    if connected:
        sock.connect((net.server.address, PORT))
        sock.send(b"anyone?")
    else:
        sock.sendto(b"anyone?", (net.server.address, PORT))
    attempt(sock.recv, 64)
