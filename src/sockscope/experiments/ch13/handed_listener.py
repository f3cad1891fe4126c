"""第 13 章：重启服务器时，正在排队的客户端怎么办：监听由别人留着（systemd 的 LISTEN_FDS），还是跟着旧的进程一起没了。"""

from sockscope.experiments import PORT, Switch, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="13", title="交给下一个进程的监听", question="旧的进程退出、新的还没有起来，这时来的客户端得到什么？",
    kept=Switch("监听套接字由别的进程留着", True))
def handed_listener(net: Network, kept: bool) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    inherited = listener.dup() if kept else None  # systemd 手里的那一份
    listener.close()                              # 旧的进程退出
    near = net.client.socket()
    attempt(near.connect, (net.server.address, PORT))
    if inherited is not None:
        attempt(near.send, b"hello")
        net.settle()
        conn, _ = inherited.accept()              # 新的进程起来，接着收
        attempt(conn.recv, 64)
