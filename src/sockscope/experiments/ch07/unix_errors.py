"""第 07 章：Unix 域的失败，一种一种地触发一次。"""

import os
from collections.abc import Callable
from socket import SOCK_DGRAM, SOCK_STREAM

from sockscope.experiments import Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import AF_UNIX
from sockscope.live.socket import TracedSocket


def server(net: Network, path: str, listening: bool = True) -> TracedSocket:
    sock = net.server.socket(AF_UNIX, SOCK_STREAM)
    sock.bind(path)
    if listening:
        sock.listen(1)
    return sock


def stale(net: Network, sock: TracedSocket, path: str) -> None:
    server(net, path).close()
    attempt(sock.connect, path)


def forbidden(net: Network, sock: TracedSocket, path: str) -> None:
    server(net, path)
    os.chmod(path, 0o555)
    net.act("server", "chmod 0555")
    with net.client.unprivileged():  # 放下全部特权，像普通用户那样
        attempt(sock.connect, path)


def closed_folder(net: Network, sock: TracedSocket, path: str) -> None:
    os.mkdir(path)
    server(net, path + "/door")
    os.chmod(path, 0o600)  # 没有 x：不许进去
    net.act("server", "chmod 0600 文件夹")
    with net.client.unprivileged():
        attempt(sock.connect, path + "/door")
    os.chmod(path, 0o700)


def plain_file(net: Network, sock: TracedSocket, path: str) -> None:
    with open(path, "w"):
        attempt(sock.connect, path)


def other_type(net: Network, _: TracedSocket, path: str) -> None:
    server(net, path)
    attempt(net.client.socket(AF_UNIX, SOCK_DGRAM).connect, path)


def elsewhere(net: Network, sock: TracedSocket, _: str) -> None:
    server(net, "\0door")
    attempt(sock.connect, "\0door")


def full(net: Network, sock: TracedSocket, path: str) -> None:
    server(net, path)
    for _ in range(2):  # listen(1)：收得下两个
        net.client.socket(AF_UNIX).connect(path)
    sock.setblocking(False)  # 阻塞的会一直等
    attempt(sock.connect, path)


CASES: dict[str, Callable[[Network, TracedSocket, str], object]] = {
    "missing": lambda net, sock, path: attempt(sock.connect, path),
    "stale": stale,
    "silent": lambda net, sock, path: (server(net, path, listening=False), attempt(sock.connect, path)),
    "plain_file": plain_file, "forbidden": forbidden, "folder": closed_folder, "type": other_type,
    "elsewhere": elsewhere, "full": full,
    "taken": lambda net, sock, path: (server(net, path), attempt(net.server.socket(AF_UNIX).bind, path)),
    "fine": lambda net, sock, path: (server(net, path), attempt(sock.connect, path)),
}


@experiment(
    chapter="07", title="Unix 域的失败", question="每一种失败，内核用哪个 errno 说明？", delay=0, loopback=True,
    case=Choice("怎样连接", {
        "missing": "没有这个文件", "stale": "文件还在，服务器已经没了", "silent": "绑了，还没有 listen()",
        "plain_file": "那是一个普通文件", "forbidden": "文件不许写", "folder": "文件夹不许进", "type": "类型不同",
        "elsewhere": "抽象名字，在另一个网络命名空间", "full": "积压队列满了，不等", "taken": "bind()：文件已经存在",
        "fine": "都对"}))
def unix_errors(net: Network, case: str) -> None:
    CASES[case](net, net.client.socket(AF_UNIX), net.folder + "door")
