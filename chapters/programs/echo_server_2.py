"""回声服务器，第 2 步：IPv4 和 IPv6 的客户端都收。

用法：echo_server_2.py 端口
"""

import socket
import sys


def listening(port):
    """一个双栈的监听；这台机器没有 IPv6，就只听 IPv4。"""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6,
                                    dualstack_ipv6=True)
    return socket.create_server(("", port))


def serve(conn):
    while data := conn.recv(4096):
        conn.sendall(data)


def main(port):
    with listening(port) as listener:
        print("ready", flush=True)
        while True:
            conn, _peer = listener.accept()
            with conn:
                serve(conn)


main(int(sys.argv[1]))
