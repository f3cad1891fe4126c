"""第 12 章：一个服务器，两个客户端。先连上的不说话，谁来照看后面的那个？"""

import select
from collections.abc import Callable

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.ch12.visitors import ask, visitors
from sockscope.live import Network
from sockscope.live.socket import TracedSocket

HOW = {"blocking": "一个线程，挨个 recv()", "threads": "一个连接一个线程", "polling": "非阻塞，一圈一圈地问",
       "select": "一个线程，select() 等大家"}


def answer(conn: TracedSocket) -> None:
    if data := attempt(conn.recv, 64):
        conn.send(data)


def one_by_one(conns: list[TracedSocket]) -> None:
    for conn in conns:
        answer(conn)


def whoever_is_ready(conns: list[TracedSocket]) -> None:
    for _ in conns:
        one_by_one(select.select(conns, [], [])[0])


def serve(net: Network, conns: list[TracedSocket], how: str) -> Callable[[], object]:
    """照看这些连接；交出的函数，每有一件事就叫一次。"""
    if how == "polling":
        for conn in conns:
            conn.setblocking(False)
        return lambda: one_by_one(conns)
    if how == "threads":
        for conn in conns:
            net.server.spawn(answer, conn)
    else:
        net.server.spawn(whoever_is_ready if how == "select" else one_by_one, conns)
    return net.settle


@experiment(
    chapter="12", title="两个客户端", waits=True, loopback=True, lossless=True,
    question="两个客户端连上了同一个服务器，第一个不说话。第二个问了一句，什么时候得到回答？",
    how=Choice("服务器怎样等", HOW))
def two_clients(net: Network, how: str) -> None:
    guests, conns = visitors(net)
    turn = serve(net, conns, how)
    turn()

    def after() -> None:
        net.settle()
        turn()
        net.settle()

    ask(guests, after)
