"""第 13 章：几个进程用 SO_REUSEPORT 共用一个端口，其中一个退出，排在它那里的连接怎么办。"""

from socket import SOL_SOCKET

from sockscope.experiments import PORT, Switch, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import SO_REUSEPORT


@experiment(
    chapter="13", title="退出的工作进程", lossless=True,
    question="两个进程用 SO_REUSEPORT 听同一个端口。连接握好了手，还没有 accept()，那个进程退出了：客户端得到什么？",
    migrate=Switch("服务器设了 tcp_migrate_req = 1"))
def worker_leaves(net: Network, migrate: bool) -> None:
    net.server.sysctl("tcp_migrate_req", int(migrate))
    leaving, staying = net.server.socket(), net.server.socket()
    for worker in (leaving, staying):
        worker.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
        worker.bind((net.server.address, PORT))
    leaving.listen()
    near = net.client.socket()
    near.connect((net.server.address, PORT))  # 此刻只有它在听
    net.settle()                              # 第三个包也到了：连接排进它的队列
    staying.listen()
    leaving.close()
    net.settle()
    attempt(near.send, b"hello")
    net.settle()
    if migrate:
        conn, _ = staying.accept()
        attempt(conn.recv, 64)
    else:
        attempt(near.recv, 64)
