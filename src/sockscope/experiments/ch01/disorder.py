"""第 01 章，类型表：路上乱了次序，收到的还有次序吗？"""

from sockscope.experiments import experiment
from sockscope.experiments.ch01.pairs import DOMAIN, KIND, pair
from sockscope.live import Network


@experiment(
    chapter="01", title="路上乱了次序", delay=0.1, lossless=True,
    question="三条消息里的第一条在网线上走得慢，后到。recv() 读到的次序是什么？（Unix 域没有网线，路上不会乱）",
    domain=DOMAIN, kind=KIND)
def disorder(net: Network, domain: str, kind: str) -> None:
    if not (ends := pair(net, domain, kind)):
        return
    near, far = ends
    net.settle()
    near.no_delay()
    net.cable.detain(0.5, match=lambda packet: packet.src == "client" and packet.length > 0)  # 多走半秒
    for word in (b"one", b"two", b"three"):
        near.say(word)
    net.settle()
    far.hear_all()
