"""第 03 章：管理员用 ss -K 断开一条连接，两端各得到什么？"""

from sockscope.experiments import PORT, Choice, attempt, connected, experiment
from sockscope.experiments.programs import find_program
from sockscope.live import Network


@experiment(
    chapter="03", title="被管理员断开", question="服务器上有人运行 ss -K，断开这条连接。两端的 recv() 各得到什么？",
    lossless=True, programs=("ss",), cuttable=False,
    where=Choice("在哪一边运行 ss -K", {"server": "服务器", "client": "客户端"}))
def severed(net: Network, where: str) -> None:
    near, far = connected(net)
    side = "sport" if where == "server" else "dport"
    net[where].program(find_program("ss"), "-K", "-t", "state", "established", side, "=", str(PORT)).wait()
    net.settle()
    for sock in (far, near):
        sock.settimeout(2)  # 内核没有编进 INET_DIAG_DESTROY 的，谁也断不开它
        attempt(sock.recv, 64)
