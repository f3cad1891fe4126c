"""被测的那段对话：连接、一问一答、半关闭、关闭。我们的主机和 Mininet 的主机运行的是同一份。

直接运行：``python exchange.py serve|ask 地址``。
"""

from __future__ import annotations

import socket
import sys

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
    {"serve": serve, "ask": ask}[sys.argv[1]](socket.socket(), sys.argv[2])
