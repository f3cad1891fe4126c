"""第 05 章：四次挥手，三个包。"""

from sockscope.experiments import connected, experiment
from sockscope.live import Network


@experiment(
    chapter="05", title="三个包的告别", lossless=True, delayed_ack=True,
    question="服务器读到结尾马上 close()，而内核可以把 ACK 留一会儿：四次挥手还是四个包吗？")
def three_packets(net: Network) -> None:
    near, far = connected(net)
    near.close()
    far.recv(64)  # b''
    far.close()
