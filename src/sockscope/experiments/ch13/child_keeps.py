"""第 13 章：服务器退出了，端口还占着：子进程手里还有一份监听套接字。"""

from socket import SO_REUSEADDR, SOL_SOCKET

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network


@experiment(
    chapter="13", title="子进程留着监听", question="旧的服务器已经退出，也设过 SO_REUSEADDR。新的绑得上吗？",
    child=Choice("旧服务器生的子进程", {
        "alive": "还活着，手里有监听套接字", "closed": "生下来就关掉了它", "killed": "也被结束了"}))
def child_keeps(net: Network, child: str) -> None:
    listener = net.server.socket()
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    listener.bind((net.server.address, PORT))
    listener.listen()
    if child != "closed":
        worker = net.server.process(listener.dup())
        if child == "killed":
            worker.kill()
    listener.close()
    again = net.server.socket()
    again.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    attempt(again.bind, (net.server.address, PORT))
