"""回声客户端，第 5 步：一口气说完，再读到结尾。

用法：echo_client_5.py 主机 端口 话……
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
        sock.sendall("".join(f"{line}\n" for line in lines).encode())
        sock.shutdown(socket.SHUT_WR)  # 说完了；还在听
        for answer in answers:         # 读到对端的结尾为止
            print(answer.decode(), end="", flush=True)


main(*sys.argv[1:])
