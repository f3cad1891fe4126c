"""第 05 章：谁先说再见，谁就得等。"""

from sockscope.experiments import Choice, connected, experiment
from sockscope.live import Network


@experiment(
    chapter="05", title="谁进入 TIME_WAIT", lossless=True, delay=0.05,
    question="四次挥手之后，哪一边留在 TIME_WAIT？",
    first=Choice("谁先 close()", {"client": "客户端", "server": "服务器", "both": "同时（两个 FIN 在路上交错）"}))
def time_wait(net: Network, first: str) -> None:
    near, far = connected(net)
    net.settle()
    order = (far, near) if first == "server" else (near, far)
    for sock in order:
        sock.close()
        if first != "both":  # 等对端知道了，它再关
            net.settle()
