"""第 03 章：没有回音的 SYN，隔多久重传一次？"""

from socket import IPPROTO_TCP

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import TCP_SYNCNT


@experiment(
    chapter="03", title="没有回音的 SYN", question="SYN 没有回音：内核隔多久再问一次，什么时候放弃？",
    retries=Choice("TCP_SYNCNT（缺省 6）", {1: "1", 2: "2"}),
    linear=Choice("tcp_syn_linear_timeouts", {4: "4（Linux 6.5 起的缺省）", 0: "0（从前的规矩：每次加倍）"}))
def syn_backoff(net: Network, retries: int, linear: int) -> None:
    net.client.sysctl("tcp_syn_linear_timeouts", linear)
    sock = net.client.socket()
    sock.setsockopt(IPPROTO_TCP, TCP_SYNCNT, retries)
    net.cable.cut()
    attempt(sock.connect, (net.server.address, PORT))
