"""真程序：nc 说完了，对端知不知道？"""

from __future__ import annotations

from sockscope.experiments import GALLERY, PORT, Switch, experiment
from sockscope.experiments.gallery.netcat import nc
from sockscope.live import Network
from sockscope.live.socket import TracedSocket


@experiment(
    chapter=GALLERY, title="nc 的半关闭", question="nc 的标准输入到了结尾。对端要读到结尾才回答：它等得到吗？", lossless=True,
    programs=("strace", "nc"), compares="packets",
    says=Switch("带 -N：输入完了就 shutdown()", True))
def nc_half_close(net: Network, says: bool) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    net.server.spawn(answer_at_the_end, listener)
    asking = nc(net, *["-N"] * says, "server", str(PORT))
    asking.stdin.write(b"question\n")
    net.settle()
    asking.stdin.close()
    if says:
        asking.wait()
    net.settle()


def answer_at_the_end(listener: TracedSocket) -> None:
    """读到结尾才回答。"""
    conn, _ = listener.accept()
    while conn.recv(64):
        pass
    conn.sendall(b"answer\n")
    conn.close()
