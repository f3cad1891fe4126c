"""第 05 章：对端迟迟不关，FIN_WAIT2 和 CLOSE_WAIT 各等多久？"""

from socket import AF_INET, SHUT_WR, SOCK_DGRAM

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.live import Network


@experiment(
    chapter="05", title="等不到的 FIN",
    question="服务器忘了 close()。两秒之后，两边的连接还在吗？（tcp_fin_timeout 调成 1 秒，缺省是 60 秒）",
    how=Choice("客户端怎样离开", {"close": "close()", "SHUT_WR": "shutdown(SHUT_WR)，描述符留着"}))
def orphan(net: Network, how: str) -> None:
    net.client.sysctl("tcp_fin_timeout", 1)  # 不抬高重传定时器的下限：内核等 FIN 至少等三个半 RTO
    near, _far = connected(net)
    if how == "close":
        near.close()
    else:
        near.shutdown(SHUT_WR)
    clock = net.client.socket(AF_INET, SOCK_DGRAM)
    clock.settimeout(2)  # 等一个不会来的数据报：两秒
    attempt(clock.recv, 1)
