"""回声服务器，第 6 步：一位一个线程；一直不作声的，问一声，再不作声就送客。

用法：echo_server_6.py 端口 几秒不作声就问一声
"""

import socket
import sys
import threading

LONGEST = 4096  # 一行至多这么长：不设上限，一位客户就能占满内存


def listening(port):
    """一个双栈的监听；这台机器没有 IPv6，就只听 IPv4。"""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6,
                                    dualstack_ipv6=True)
    return socket.create_server(("", port))


def messages(conn, quiet):
    """一条一条的消息；None 是 quiet 秒没有听到什么。

    不用 makefile()：它一超时就不能再读。
    """
    conn.settimeout(quiet)
    pending = b""
    while len(pending) < LONGEST:
        try:
            data = conn.recv(4096)
        except TimeoutError:
            yield None
            continue
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        yield from lines


def serve(conn, quiet):
    number, asked = 0, False
    for line in messages(conn, quiet):
        if line is None:
            if asked:             # 问过了，还是不作声
                return
            conn.sendall(b"?\n")  # 心跳：你还在吗
            asked = True
            continue
        asked = False
        if line != b"!":          # 答心跳的，不算一条消息
            number += 1
            conn.sendall(b"%d: %s\n" % (number, line))


def attend(conn, peer, quiet):
    try:
        with conn:
            serve(conn, quiet)
    except OSError as error:
        print(f"{peer[0]}：{error.strerror or error}", flush=True)


def main(port, quiet):
    with listening(port) as listener:
        print("ready", flush=True)
        while True:
            conn, peer = listener.accept()
            threading.Thread(target=attend, args=(conn, peer, quiet),
                             daemon=True).start()


main(int(sys.argv[1]), float(sys.argv[2]))
