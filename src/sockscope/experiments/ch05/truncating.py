"""第 05 章：回答全部交给了内核，close() 也成功了。对端收全了吗？"""

from socket import SO_SNDBUF, SOL_SOCKET

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT


@experiment(
    chapter="05", title="被截断的回答", lossless=True, delay=0.2, cuttable=False,
    question="服务器把 30,000 字节的回答一次交给内核，马上 close()。客户端收得全吗？",
    rest=Choice("close() 的时候", {
        "unread": "请求还有一段没读", "later": "请求读完了，客户端随后又发来一个", "none": "请求读完了，没有别的"}))
def truncating(net: Network, rest: str) -> None:
    near, far = connected(net)
    far.setsockopt(SOL_SOCKET, SO_SNDBUF, 100_000)  # 内核加倍：放得下整个回答
    near.send(b"request body")
    net.settle()
    far.recv(7 if rest == "unread" else 64)
    far.send(bytes(30_000), MSG_DONTWAIT)
    far.close()
    if rest == "later":
        near.send(b"again")
    net.settle()
    while attempt(near.recv, 65536):
        pass
    near.close()
