"""第 05 章：shutdown(SHUT_RD) 之后，数据到底去了哪里？"""

from socket import SHUT_RD

from sockscope.experiments import Choice, connected, experiment
from sockscope.live import Network


@experiment(
    chapter="05", title="不读了", lossless=True, loopback=True,
    question="shutdown(SHUT_RD) 惊动了对端吗？早到的、晚到的数据，还读得到吗？",
    when=Choice("数据什么时候到", {
        "after": "shutdown 之后才到", "before": "shutdown 之前就在缓冲区里", "blocked": "没有数据，recv() 正等着"}))
def shut_rd(net: Network, when: str) -> None:
    near, far = connected(net)
    if when == "before":
        far.send(b"early")
        net.settle()
    if when == "blocked":
        net.client.spawn(near.recv, 64)
    near.shutdown(SHUT_RD)
    if when == "after":
        far.send(b"late")
    net.settle()
    while near.recv(64):  # 数据在前，b'' 在后
        pass
