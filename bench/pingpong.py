"""来回：TCP（TCP_NODELAY）上一个字节去、一个字节回。``pong 地址`` 应答，``ping 地址 次数`` 打印中位数（秒）。"""

from __future__ import annotations

import argparse
import socket
import statistics
import time

PORT = 8


def pong(address: str) -> None:
    with socket.create_server((address, PORT)) as listener:
        print("ready", flush=True)
        conn, _ = listener.accept()
        with conn:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := conn.recv(1):
                conn.send(data)


def ping(address: str, count: int) -> None:
    with socket.create_connection((address, PORT)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        took = []
        for _ in range(count):
            start = time.perf_counter()
            sock.send(b"x")
            sock.recv(1)
            took.append(time.perf_counter() - start)
    print(statistics.median(took))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("end", choices=["pong", "ping"])
    parser.add_argument("address")
    parser.add_argument("count", type=int, nargs="?", default=1)
    wanted = parser.parse_args()
    pong(wanted.address) if wanted.end == "pong" else ping(wanted.address, wanted.count)
