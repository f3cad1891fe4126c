"""第 10 章：Unix 域的顺序包，与字节流、数据报比一比。"""

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.kinds import couple
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT, MSG_EOR

UNIX = {"unix_seqpacket": "顺序包", "unix_stream": "字节流", "unix_dgram": "数据报"}


@experiment(
    chapter="10", title="一条一条地来", question="边界、次序、结尾，顺序包保住了哪几样？缓冲区小了会怎样？", loopback=True,
    kind=Choice("Unix 域的", UNIX), size=Choice("缓冲区", {64: "64 字节", 3: "3 字节"}, (1, 64)))
def records(net: Network, kind: str, size: int) -> None:
    near, far = couple(net, kind)
    near.send(b"one")
    near.sendmsg([b"three"], [], MSG_EOR)
    near.close()
    net.settle()
    while (message := attempt(far.recvmsg, size, 0, MSG_DONTWAIT)) and message[0]:
        pass
