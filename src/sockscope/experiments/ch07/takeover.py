"""第 07 章：文件还在，新的服务器怎样上任？"""

import os
from contextlib import ExitStack

from sockscope.experiments import Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import AF_UNIX
from sockscope.live.socket import TracedSocket


def bind(net: Network, sock: TracedSocket, path: str, _: ExitStack) -> None:
    attempt(sock.bind, path)


def unlink(net: Network, sock: TracedSocket, path: str, _: ExitStack) -> None:
    os.unlink(path)
    net.act("server", "unlink()")
    sock.bind(path)


def ask(net: Network, sock: TracedSocket, path: str, _: ExitStack) -> None:
    visitor = net.server.socket(AF_UNIX)
    try:
        visitor.connect(path)
    except ConnectionRefusedError:  # 没有人听：是旧的
        unlink(net, sock, path, _)
    visitor.close()


def take(path: str, files: ExitStack) -> None:
    """拿住锁文件，到实验结束；别人拿着就抛 ``BlockingIOError``。"""
    import fcntl

    files.callback(os.close, fd := os.open(path + ".lock", os.O_CREAT | os.O_RDWR))
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock(net: Network, sock: TracedSocket, path: str, files: ExitStack) -> None:
    """锁属于进程打开的文件，进程一死就放开：拿得到锁，文件就一定是旧的。"""
    try:
        take(path, files)
    except BlockingIOError:
        net.act("server", "flock() → EAGAIN")
    else:
        net.act("server", "flock()")
        unlink(net, sock, path, files)


HOW = {"bind": bind, "unlink": unlink, "ask": ask, "lock": lock}


@experiment(
    chapter="07", title="新的服务器上任", question="新的服务器绑得上吗？之后的连接，归谁？", delay=0, loopback=True,
    old=Choice("旧的服务器", {"dead": "死了，文件还在", "alive": "还活着"}),
    how=Choice("新的怎样绑", {"bind": "直接 bind()", "unlink": "先 unlink()，再 bind()",
                            "ask": "先 connect() 问一声，没人再 unlink()", "lock": "先 flock() 一个锁文件"}))
def takeover(net: Network, old: str, how: str) -> None:
    path = net.folder + "door"
    with ExitStack() as files:
        first, second = net.server.socket(AF_UNIX), net.server.socket(AF_UNIX)
        first.bind(path)
        first.listen()
        if how == "lock" and old == "alive":  # 旧的服务器也是拿着锁上任的
            take(path, files)
        if old == "dead":
            first.close()
        HOW[how](net, second, path, files)
        if second.getsockname():
            second.listen()
        attempt(net.client.socket(AF_UNIX).connect, path)
        for server in (first, second):
            if server.fileno() >= 0 and server.getsockname():
                server.setblocking(False)
                while attempt(server.accept):  # EAGAIN：没有了
                    pass
