"""第 12 章：描述符用完了，连接还排在队列里，监听套接字一直可读。"""

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager

from sockscope.experiments import PORT, Switch, attempt, experiment
from sockscope.live import Network

try:
    import resource
except ImportError:  # Windows 没有
    resource = None  # type: ignore[assignment]


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """在 with 里，一个新的描述符也拿不到（getrlimit(2) 的 RLIMIT_NOFILE）。"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@experiment(
    chapter="12", title="描述符用完了", waits=True, loopback=True, lossless=True,
    question="accept() 报 EMFILE。再等一次 epoll_wait()：它会等，还是立刻又说可读？",
    spare=Switch("留着一个备用的描述符：关掉它，领一个，关一个"))
def full_table(net: Network, spare: bool) -> None:
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    listener.setblocking(False)
    kept = net.server.socket()
    near = net.client.socket()
    near.connect(listener.getsockname())
    net.settle()
    with select.epoll() as poll:
        poll.register(listener, select.EPOLLIN)
        with no_more_descriptors():
            for _ in range(3):
                if poll.poll(0.2) and not attempt(listener.accept) and spare:
                    kept.close()
                    conn, _ = listener.accept()
                    conn.close()
    net.settle()
    near.settimeout(1)
    attempt(near.recv, 64)
