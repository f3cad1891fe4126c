"""回声服务器，第 1 步：收到什么就送回什么，一次招待一位。

用法：echo_server_1.py 端口
"""

import socket
import sys


def serve(conn):
    while data := conn.recv(4096):  # b"" 是结尾：对端说完了
        conn.sendall(data)          # send() 可能只收下一部分，sendall() 发到完


def main(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # 重启的时候，端口上可能还有 TIME_WAIT
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", port))       # 本机的全部 IPv4 地址
        listener.listen()
        print("ready", flush=True)
        while True:
            conn, _peer = listener.accept()
            with conn:                  # 出了错也会 close()
                serve(conn)


main(int(sys.argv[1]))
