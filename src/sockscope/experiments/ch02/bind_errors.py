"""第 02 章：bind() 失败的样子，一种一种地触发。"""

import os
from collections.abc import Callable

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.live import Network
from sockscope.live.linux import AF_UNIX
from sockscope.live.socket import TracedSocket


def low_port(net: Network, sock: TracedSocket) -> None:
    with net.server.unprivileged():  # 放下全部特权，像普通用户那样
        attempt(sock.bind, (net.server.address, 80))


def twice(net: Network, sock: TracedSocket) -> None:
    attempt(sock.bind, (net.server.address, PORT))
    attempt(sock.bind, (net.server.address, PORT + 1))


def in_use(net: Network, sock: TracedSocket) -> None:
    net.server.socket().bind((net.server.address, PORT))
    attempt(sock.bind, (net.server.address, PORT))


def long_name(net: Network, _: TracedSocket) -> None:
    os.symlink("x" * 256, net.folder + "link")  # 路径很短，可它指向的名字有 256 个字节
    attempt(net.server.socket(AF_UNIX).bind, net.folder + "link/sock")


def forbidden(net: Network, _: TracedSocket) -> None:
    os.mkdir(net.folder + "shut", 0o555)  # 这个文件夹谁也不许写
    sock = net.server.socket(AF_UNIX)
    with net.server.unprivileged():
        attempt(sock.bind, net.folder + "shut/sock")


CASES: dict[str, Callable[[Network, TracedSocket], None]] = {
    "fine": lambda net, sock: attempt(sock.bind, (net.server.address, PORT)),
    "in_use": in_use,
    "not_mine": lambda net, sock: attempt(sock.bind, (net.client.address, PORT)),
    "low_port": low_port,
    "twice": twice,
    "no_folder": lambda net, _: attempt(net.server.socket(AF_UNIX).bind, net.folder + "nowhere/sock"),
    "file_exists": lambda net, _: attempt(net.server.socket(AF_UNIX).bind, "/dev/null"),
    "forbidden": forbidden,
    "long_name": long_name,
}


@experiment(
    chapter="02", title="bind() 的失败", question="每一种失败，内核用哪个 errno 说明？",
    case=Choice("怎样绑定", {
        "in_use": "端口已被别人占着", "not_mine": "地址不是本机的", "low_port": "低端口，没有特权",
        "twice": "同一个套接字绑两次", "no_folder": "Unix 路径，文件夹不存在", "file_exists": "Unix 路径，文件已存在",
        "forbidden": "Unix 路径，文件夹不许写",
        "long_name": "Unix 路径，名字太长", "fine": "都对"}))
def bind_errors(net: Network, case: str) -> None:
    net.births = True
    CASES[case](net, net.server.socket())
