"""回声客户端，第 1 步：说一行，读一行。

用法：echo_client_1.py 主机 端口 话……
"""

import socket
import sys


def connect(host, port):
    problem = OSError(f"{host} 没有地址")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, kind, proto, _, address in found:
        sock = socket.socket(family, kind, proto)
        try:
            sock.connect(address)
            return sock
        except OSError as error:  # 这个地址不行，试下一个
            sock.close()
            problem = error
    raise problem


def main(host, port, *lines):
    with connect(host, port) as sock, sock.makefile("rb") as answers:
        for line in lines:
            sock.sendall(line.encode() + b"\n")
            print(answers.readline().decode(), end="", flush=True)


main(*sys.argv[1:])
