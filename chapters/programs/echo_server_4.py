"""回声服务器，第 4 步：一行是一条消息，逐条编号作答。

用法：echo_server_4.py 端口
"""

import socket
import sys

LONGEST = 4096  # 一行至多这么长：不设上限，一位客户就能占满内存


def listening(port):
    """一个双栈的监听；这台机器没有 IPv6，就只听 IPv4。"""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6,
                                    dualstack_ipv6=True)
    return socket.create_server(("", port))


def serve(conn):
    with conn.makefile("rb") as lines:  # 一次 recv() 不是一行：由它凑够一行
        number = 0
        while line := lines.readline(LONGEST):
            if not line.endswith(b"\n"):  # 太长，或者没有说完就走了
                return
            number += 1
            conn.sendall(b"%d: %s" % (number, line))


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
