"""第 13 章：客户端走了，服务器读到了结尾，却没有关。"""

from sockscope.experiments import PORT, Switch, experiment
from sockscope.live import Network


@experiment(
    chapter="13", title="没有关的连接", lossless=True,
    question="三个客户端来了又走，服务器每次都读到了结尾。它手里还有几条连接？",
    closes=Switch("读到 b'' 就 close()"))
def leaking(net: Network, closes: bool) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    for _ in range(3):
        near = net.client.socket()
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        near.close()
        net.settle()
        far.recv(64)  # b''：对端说完了
        if closes:
            far.close()
        net.settle()
