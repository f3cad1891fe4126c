"""第 12 章：协程里做了一次会阻塞的调用，别人怎么办？"""

import asyncio

from sockscope.experiments import Choice, experiment
from sockscope.experiments.ch12.visitors import ask, visitors
from sockscope.live import Network
from sockscope.live.socket import TracedSocket

HOW = {"await": "await loop.sock_recv()", "blocking": "直接 recv()，阻塞的"}


async def answer(conn: TracedSocket, how: str) -> None:
    if how == "await":
        data = await asyncio.get_running_loop().sock_recv(conn, 64)
    else:
        data = conn.recv(64)
    conn.send(data)


async def serve(conns: list[TracedSocket], how: str) -> None:
    await asyncio.gather(*(answer(conn, how) for conn in conns))


@experiment(
    chapter="12", title="事件循环停住了", waits=True, lossless=True,
    question="一个协程等第一个客户端，另一个协程等第二个。第二个先问：它马上得到回答吗？",
    how=Choice("协程怎样读", HOW))
def blocked_loop(net: Network, how: str) -> None:
    guests, conns = visitors(net)
    for conn in conns if how == "await" else ():
        conn.setblocking(False)
    net.server.spawn(lambda: asyncio.run(serve(conns, how)))
    ask(guests, net.settle)
