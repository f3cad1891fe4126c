"""第 01 章，类型表：不连接，能不能直接发？"""

from sockscope.experiments import attempt, experiment
from sockscope.experiments.ch01.pairs import DOMAIN, KIND, address, family_of
from sockscope.live import Network


@experiment(
    chapter="01", title="不连接就发", loopback=True,
    question="没有 connect()，直接 sendto() 一个在等的套接字：发得出去吗？对方能 listen() 吗？",
    domain=DOMAIN, kind=KIND)
def lonely(net: Network, domain: str, kind: str) -> None:
    net.births = True
    if not (far := attempt(net.server.socket, *family_of(domain, kind))):
        return
    far.bind(address(net, "server", domain, kind))
    attempt(far.listen)
    near = net.client.socket(*family_of(domain, kind))
    attempt(near.sendto, b"hello", address(net, "server", domain, kind))
