"""一端的程序：``recv 地址`` 收到文件结束，说出每秒多少 MB；``send 地址 MB 数`` 连上去发那么多。只用标准库。"""

import argparse
import socket
import time

PORT, CHUNK = 7, 1 << 20


def receive(address: str) -> None:
    with socket.create_server((address, PORT)) as listener:
        print("ready", flush=True)
        conn, _ = listener.accept()
    buffer, got, start = bytearray(CHUNK), 0, time.perf_counter()
    while count := conn.recv_into(buffer):
        got += count
    print(got / (time.perf_counter() - start) / 1e6, flush=True)


def send(address: str, megabytes: int) -> None:
    with socket.create_connection((address, PORT)) as sock:
        for _ in range(megabytes):
            sock.sendall(bytes(CHUNK))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("end", choices=["recv", "send"])
    parser.add_argument("address")
    parser.add_argument("megabytes", type=int, nargs="?", default=1)
    wanted = parser.parse_args()
    receive(wanted.address) if wanted.end == "recv" else send(wanted.address, wanted.megabytes)
