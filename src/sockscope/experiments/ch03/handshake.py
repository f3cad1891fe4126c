"""第 03 章：握手是谁做的？服务器不 accept()，连接成得了吗？"""

from sockscope.experiments import PORT, Choice, experiment
from sockscope.live import Network


@experiment(
    chapter="03", title="三次握手", lossless=True, loopback=True,
    question="服务器还没有调用 accept()，客户端的 connect() 会等吗？",
    accept=Choice("服务器什么时候 accept()", {
        "before": "先等着，再来连接", "after": "连接已经返回，才去 accept()", "never": "一直不调用"}))
def handshake(net: Network, accept: str) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    sock = net.client.socket()
    if accept == "before":
        waiting = net.server.spawn(listener.accept)
    sock.connect((net.server.address, PORT))
    if accept == "before":
        waiting.join()
    if accept == "after":
        listener.accept()
    net.settle()
