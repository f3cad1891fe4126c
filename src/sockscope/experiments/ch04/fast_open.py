"""第 04 章：还没有连接，数据能不能跟着 SYN 一起走？"""

from socket import IPPROTO_TCP, TCP_FASTOPEN

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import MSG_FASTOPEN


@experiment(
    chapter="04", title="SYN 里的数据", lossless=True, question="不先 connect()，直接用 MSG_FASTOPEN 发：第一个数据什么时候到？",
    scissors=({"before": "once"},),
    given=Switch("带上 MSG_FASTOPEN", True),
    before=Choice("这台服务器，以前连过吗", {"never": "没有", "once": "连过一次（手里有它给的 cookie）"}))
def fast_open(net: Network, given: bool, before: str) -> None:
    net.server.sysctl("tcp_fastopen", 3)  # 缺省 1：只作客户端
    listener = net.server.socket()
    listener.setsockopt(IPPROTO_TCP, TCP_FASTOPEN, 1)
    listener.bind((net.server.address, PORT))
    listener.listen()
    for word in (b"hello",) if before == "never" else (b"first", b"hello"):
        sock = net.client.socket()
        if attempt(sock.sendto, word, MSG_FASTOPEN if given else 0, listener.getsockname()) is None:
            break
        conn, _ = listener.accept()
        conn.recv(64)
        net.settle()
