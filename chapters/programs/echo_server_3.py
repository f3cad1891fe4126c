"""回声服务器，第 3 步：一位客户出了事，不影响下一位。

用法：echo_server_3.py 端口
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
            conn, peer = listener.accept()
            try:
                with conn:
                    serve(conn)
            except OSError as error:  # 被复位、超时……只与这一位有关
                print(f"{peer[0]}：{error.strerror or error}", flush=True)


main(int(sys.argv[1]))
