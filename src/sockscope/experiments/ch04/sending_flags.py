"""第 04 章：send() 的每一个标志，带上它，有什么不同？"""

import errno
import signal
import socket
from collections.abc import Callable
from socket import MSG_OOB, SHUT_WR

from sockscope.experiments import Choice, Switch, attempt, experiment
from sockscope.experiments.kinds import couple
from sockscope.live import Host, Network
from sockscope.live.linux import MSG_DONTWAIT
from sockscope.live.socket import TracedSocket

FLAGS = {
    "MSG_MORE": "MSG_MORE：后面还有", "MSG_OOB": "MSG_OOB：带外", "MSG_DONTWAIT": "MSG_DONTWAIT：这一次不等",
    "MSG_NOSIGNAL": "MSG_NOSIGNAL：别发 SIGPIPE", "MSG_DONTROUTE": "MSG_DONTROUTE：不看网关",
    "MSG_EOR": "MSG_EOR：记录到此为止", "MSG_CONFIRM": "MSG_CONFIRM：邻居还在", "MSG_FASTOPEN": "MSG_FASTOPEN：连接时就带数据"}


def fill(net: Network, near: TracedSocket) -> None:
    """把缓冲区塞满：对端不读，一直发到 EAGAIN。UDP 没有“满”，三个数据报发完就算。"""
    size = 1000 if near.type == socket.SOCK_DGRAM else 6000
    for _ in range(3):
        attempt(near.send, bytes(size), MSG_DONTWAIT)
        net.settle()


def stop_writing(net: Network, near: TracedSocket) -> None:
    near.shutdown(SHUT_WR)


BEFORE: dict[str, Callable[[Network, TracedSocket], None]] = {"MSG_DONTWAIT": fill, "MSG_NOSIGNAL": stop_writing}


def sigpipe(host: Host) -> None:
    """这个线程收到 SIGPIPE 没有：取一次，不等；取的这一次也记进轨迹。"""
    entry = host.journal.begin(None, host.name, "", "sigtimedwait", "{SIGPIPE}, 0", timeout=True)
    came = signal.sigtimedwait({signal.SIGPIPE}, 0)
    refusal = None if came else BlockingIOError(errno.EAGAIN, "没有信号")
    host.journal.finish(entry, result="SIGPIPE" if came else None, error=refusal)


@experiment(
    chapter="04", title="发送的标志", question="同一次 send()，带上标志，返回值、网线、对端，哪一处变了？",
    flag=Choice("标志", FLAGS),
    given=Switch("第一次 send() 带上它", True),
    kind=Choice("套接字", {"tcp": "TCP", "udp": "UDP", "unix_stream": "Unix 字节流"}))
def sending_flags(net: Network, flag: str, given: bool, kind: str) -> None:
    near, far = couple(net, kind, small=flag == "MSG_DONTWAIT")
    net.settle()
    if flag in BEFORE:
        BEFORE[flag](net, near)

    def speak() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})  # 先拦着，好看它来没来
        attempt(near.send, b"abc", getattr(socket, flag) if given else 0)
        if flag == "MSG_NOSIGNAL":
            sigpipe(net.client)
        elif flag != "MSG_DONTWAIT":
            attempt(near.send, b"def")

    net.client.spawn(speak)
    net.settle()
    if flag == "MSG_OOB":
        attempt(far.recv, 64, MSG_OOB | MSG_DONTWAIT)
    while attempt(far.recv, 200_000, MSG_DONTWAIT):
        net.settle()
