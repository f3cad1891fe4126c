"""第 01 章，类型表：一次最多能发多少？"""

from socket import MSG_WAITALL

from sockscope.experiments import experiment
from sockscope.experiments.ch01.pairs import DOMAIN, KIND, pair
from sockscope.live import Network

SIZES = (65_507, 65_508, 65_515, 65_516, 65_527, 65_528, 65_535, 65_536, 200_000, 300_000)


@experiment(
    chapter="01", title="一次最多发多少", loopback=True,
    question="消息越来越大，到哪一步内核说 EMSGSIZE？字节流呢？（两头在同一台主机上，走环回网口）",
    domain=DOMAIN, kind=KIND)
def sizing(net: Network, domain: str, kind: str) -> None:
    if not (ends := pair(net, domain, kind, server="client")):
        return
    near, far = ends
    if kind == "SOCK_STREAM":
        net.client.spawn(far.hear, 1_000_000, MSG_WAITALL)
        near.socket.sendall(bytes(1_000_000))
        return
    far.socket.settimeout(1)
    for size in SIZES:
        if near.say(bytes(size)):
            far.hear(1_000_000)
