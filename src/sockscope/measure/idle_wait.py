"""许多空闲的连接里有一个可读：等一次要多久。它独自运行，不导入 sockscope，免得量到别的东西。

    python idle_wait.py select|poll|epoll|asyncio 连接数 次数

分叉成两个进程，各持真的 TCP 连接的一端（127.0.0.1）。打印一行 JSON：``took`` 是一次次等待的纳秒数，``rss`` 是这个进程
每个连接多用的内存，``slab`` 是内核里每个连接（两端合计）多用的内存，字节。
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from time import monotonic_ns

RESET = struct.pack("ii", 1, 0)  # SO_LINGER：关的时候发 RST，不留一万个 TIME_WAIT


def status(path: str, name: str) -> int:
    """``/proc`` 里的一项，字节。"""
    with open(path, encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def connect(count: int, where: tuple[str, int], told: int, over: int) -> None:
    """子进程：连上 ``count`` 个，说一声，等到父进程走了。"""
    held = []
    for _ in range(count):
        held.append(socket.create_connection(where))
        held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    os.write(told, b"!")
    os.read(over, 1)
    for sock in held:
        sock.close()
    os._exit(0)


def accepted(count: int) -> list[socket.socket]:
    """``count`` 个空闲的连接，对端在子进程里。"""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    (ready, told), (over, living) = os.pipe(), os.pipe()
    if not os.fork():
        os.close(living)  # 父进程一走，over 就读到结尾
        connect(count, listener.getsockname(), told, over)
    found = [listener.accept()[0] for _ in range(count)]
    os.read(ready, 1)
    return found


def pair() -> tuple[socket.socket, socket.socket]:
    """忙的那一个连接，两端都在这里。"""
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname())
    return near, listener.accept()[0]


def turns(near: socket.socket, far: socket.socket, wait: Callable[[], object], rounds: int) -> Iterable[int]:
    for _ in range(rounds):
        near.send(b"x")
        select.select([far], [], [])  # 到了，才开始量
        start = monotonic_ns()
        wait()
        yield monotonic_ns() - start
        far.recv(1)


def waiting(how: str, socks: list[socket.socket]) -> Callable[[], object]:
    if how == "select":
        return lambda: select.select(socks, [], [])
    asked = select.poll() if how == "poll" else select.epoll()
    for sock in socks:
        asked.register(sock, select.POLLIN)
    return asked.poll


async def looping(idle: list[socket.socket], near: socket.socket, far: socket.socket, rounds: int) -> tuple[list[int], int]:
    loop, took = asyncio.get_running_loop(), []
    before = status("/proc/self/status", "VmRSS")
    for sock in idle:
        await loop.connect_accepted_socket(asyncio.Protocol, sock)
    grown = status("/proc/self/status", "VmRSS") - before
    far.setblocking(False)
    arrived = asyncio.Event()
    loop.add_reader(far, arrived.set)
    for _ in range(rounds):
        near.send(b"x")
        select.select([far], [], [])
        start = monotonic_ns()
        await arrived.wait()
        took.append(monotonic_ns() - start)
        far.recv(1)
        arrived.clear()
    return took, grown


def main(how: str, count: int, rounds: int) -> None:
    import resource  # Windows 没有；那里也要导入得了

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    near, far = pair()
    before = status("/proc/self/status", "VmRSS"), status("/proc/meminfo", "Slab")
    idle = accepted(count)
    rss, slab = status("/proc/self/status", "VmRSS") - before[0], status("/proc/meminfo", "Slab") - before[1]
    if how == "asyncio":
        took, more = asyncio.run(looping(idle, near, far, rounds))
        rss += more
    else:
        took = list(turns(near, far, waiting(how, [*idle, far]), rounds))
    print(json.dumps({"took": took, "rss": rss // count, "slab": slab // count}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
