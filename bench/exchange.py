"""被测的那段对话：连接、一问一答、半关闭、关闭。我们的主机和 Mininet 的主机运行的是同一份。

直接运行：``python exchange.py serve|ask 地址``。
"""

from __future__ import annotations

import argparse
import socket

PORT = 7


def serve(listener: socket.socket, address: str) -> None:
    listener.bind((address, PORT))
    listener.listen()
    print("ready", flush=True)
    conn, _ = listener.accept()
    while data := conn.recv(1024):
        conn.sendall(data.upper())
    conn.close()
    listener.close()


def ask(sock: socket.socket, address: str) -> None:
    sock.connect((address, PORT))
    sock.sendall(b"hello")
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(1024):
        pass
    sock.close()


if __name__ == "__main__":
    ends = {"serve": serve, "ask": ask}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("end", choices=ends)
    parser.add_argument("address")
    wanted = parser.parse_args()
    ends[wanted.end](socket.socket(), wanted.address)
