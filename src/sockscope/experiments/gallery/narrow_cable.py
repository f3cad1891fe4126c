"""真程序：iperf3 把一根细网线挤满。"""

from __future__ import annotations

from sockscope.experiments import GALLERY, Choice, experiment
from sockscope.live import Network


@experiment(
    chapter=GALLERY, title="iperf3 与一根细网线", question="发得比网线快，多出来的排队；队排不下了呢？",
    programs=("strace", "iperf3"), compares="kinds", cuttable=False,
    queue=Choice("网线前面排得下几个包", {5: "5 个", 200: "200 个"}, (1, 500)))
def narrow_cable(net: Network, queue: int) -> None:
    net.cable.bandwidth, net.cable.queue = 2e6, queue
    server = net.server.program("iperf3", "-s", "-1", calls=True)
    net.settle()
    client = net.client.program("iperf3", "-c", "server", "-l", "4K", "-n", "48K", calls=True)
    client.communicate()
    server.communicate()
    net.settle()
