"""第 01 章，类型表：双向吗？消息边界还在吗？"""

from sockscope.experiments import experiment
from sockscope.experiments.ch01.pairs import DOMAIN, KIND, pair
from sockscope.live import Network


@experiment(
    chapter="01", title="发两次，读几次", lossless=True, loopback=True,
    question="客户端发 one，再发 two。服务器一次 recv() 得到什么？它的回答到得了吗？",
    domain=DOMAIN, kind=KIND)
def talking(net: Network, domain: str, kind: str) -> None:
    if not (ends := pair(net, domain, kind)):
        return
    near, far = ends
    near.say(b"one")
    near.say(b"two")
    net.settle()
    far.hear_all()
    far.say(b"three")
    near.hear()
