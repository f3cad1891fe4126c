"""第 01 章，类型表：路上丢了一条，收到的还齐全吗？"""

from socket import MSG_WAITALL

from sockscope.experiments import experiment
from sockscope.experiments.ch01.pairs import DOMAIN, KIND, pair
from sockscope.live import Network


@experiment(
    chapter="01", title="路上丢了一条", delay=0.1,
    question="网线丢掉第一条消息。收到的还齐全吗？（Unix 域没有网线，路上不会丢）",
    domain=DOMAIN, kind=KIND)
def losing(net: Network, domain: str, kind: str) -> None:
    if not (ends := pair(net, domain, kind)):
        return
    near, far = ends
    net.settle()
    near.no_delay()
    net.cable.drop(match=lambda packet: packet.src == "client" and packet.length > 0)
    near.say(b"one")
    near.say(b"two")
    net.settle()
    if kind == "SOCK_STREAM":
        far.hear(6, MSG_WAITALL)  # 等得到：内核会重传
    far.hear_all()
