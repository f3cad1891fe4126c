"""第 05 章：话说完了，回答还没来。怎样告别，才听得到回答？"""

from socket import SHUT_WR

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.live import Network


@experiment(
    chapter="05", title="说完了，还在听", lossless=True, loopback=True,
    question="客户端说完了。服务器读到结尾才回答：回答还到得了吗？",
    how=Choice("客户端怎样说“我说完了”", {"SHUT_WR": "shutdown(SHUT_WR)", "close": "close()"}))
def half_close(net: Network, how: str) -> None:
    near, far = connected(net)
    near.sendall(b"question")
    if how == "SHUT_WR":
        near.shutdown(SHUT_WR)
    else:
        near.close()
    while far.recv(64):  # 一直读到 b''：问题问完了
        pass
    attempt(far.sendall, b"answer")
    far.close()
    while how == "SHUT_WR" and near.recv(64):
        pass
