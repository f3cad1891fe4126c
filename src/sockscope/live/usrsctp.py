"""在一台主机里运行 usrsctp：一行 JSON 进，一行 JSON 出。直接运行：``python usrsctp.py 库``，不经过包。

usrsctp 是写在用户空间的 SCTP（RFC 9260），通过一个协议号为 132 的原始套接字收发 IP 包。它有自己的线程和全局状态，
所以住在自己的进程里，随主机一起消失；读者的进程不装载它。
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

IPPROTO_SCTP = 132
SCTP_NODELAY, SCTP_RECVRCVINFO = 0x04, 0x1F  # <usrsctp.h>，与 Linux 的编号不同
SENDV_SNDINFO, RECVV_RCVINFO = 1, 1
SNDINFO, RCVINFO = struct.Struct("HHIII"), struct.Struct("HHHxxIIIII")  # RFC 6458 §5.3.4、§5.3.5
SETTINGS = {
    "sctp_sack_freq_default": 1,  # 每个包都确认；缺省每两个包一次，至多推迟 200 毫秒
    "sctp_ecn_enable": 0, "sctp_auth_enable": 0, "sctp_asconf_enable": 0, "sctp_reconfig_enable": 0,
    "sctp_nrsack_enable": 0, "sctp_pktdrop_enable": 0,  # 只留 RFC 9260 的本体
    "sctp_rto_initial_default": 1000, "sctp_init_rto_max_default": 1000,  # 毫秒
}


class Stack:
    """一台主机的 SCTP。方法名就是请求里的 ``do``，套接字用编号称呼。"""

    def __init__(self, library: str) -> None:
        self.lib = ctypes.CDLL(library, use_errno=True)
        for name in ("socket", "accept"):
            getattr(self.lib, f"usrsctp_{name}").restype = ctypes.c_void_p
        self.lib.usrsctp_sendv.restype = self.lib.usrsctp_recvv.restype = ctypes.c_ssize_t
        self.lib.usrsctp_init(0, None, None)
        for name, value in SETTINGS.items():
            getattr(self.lib, f"usrsctp_sysctl_set_{name}")(value)
        self.sockets: list[ctypes.c_void_p] = []

    def socket(self) -> int:
        none = ctypes.c_void_p()
        made = self.lib.usrsctp_socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP, none, none, 0, none)
        return self.adopt(made)

    def adopt(self, made: int | None) -> int:
        if not made:
            raise OSError(ctypes.get_errno(), "usrsctp")
        self.sockets.append(ctypes.c_void_p(made))
        for option in (SCTP_NODELAY, SCTP_RECVRCVINFO):
            self.lib.usrsctp_setsockopt(self.sockets[-1], IPPROTO_SCTP, option, ctypes.byref(ctypes.c_int(1)), 4)
        return len(self.sockets) - 1

    def bind(self, number: int, host: str, port: int) -> None:
        check(self.lib.usrsctp_bind(self.sockets[number], sockaddr(host, port), 16))

    def listen(self, number: int) -> None:
        check(self.lib.usrsctp_listen(self.sockets[number], 5))

    def connect(self, number: int, host: str, port: int) -> None:
        check(self.lib.usrsctp_connect(self.sockets[number], sockaddr(host, port), 16))

    def accept(self, number: int) -> dict[str, Any]:
        peer = ctypes.create_string_buffer(16)
        made = self.lib.usrsctp_accept(self.sockets[number], peer, ctypes.byref(ctypes.c_int(16)))
        port, address = struct.unpack_from("!2xH4s", peer)
        return {"socket": self.adopt(made), "peer": [socket.inet_ntoa(address), port]}

    def send(self, number: int, data: str, stream: int) -> int:
        body, info = bytes.fromhex(data), SNDINFO.pack(stream, 0, 0, 0, 0)
        return check(self.lib.usrsctp_sendv(self.sockets[number], body, ctypes.c_size_t(len(body)), None, 0,
                                            info, SNDINFO.size, SENDV_SNDINFO, 0))

    def recv(self, number: int, size: int) -> dict[str, Any]:
        buffer, info = ctypes.create_string_buffer(size), ctypes.create_string_buffer(RCVINFO.size)
        length, kind, flags = ctypes.c_int(RCVINFO.size), ctypes.c_uint(), ctypes.c_int()
        got = check(self.lib.usrsctp_recvv(self.sockets[number], buffer, ctypes.c_size_t(size), None, None, info,
                                           ctypes.byref(length), ctypes.byref(kind), ctypes.byref(flags)))
        stream = RCVINFO.unpack(info.raw)[0] if kind.value == RECVV_RCVINFO else None
        return {"data": buffer.raw[:got].hex(), "stream": stream, "whole": bool(flags.value & socket.MSG_EOR)}

    def shutdown(self, number: int, how: int) -> None:
        check(self.lib.usrsctp_shutdown(self.sockets[number], how))

    def setsockopt(self, number: int, seconds: int) -> None:
        check(self.lib.usrsctp_setsockopt(self.sockets[number], socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, seconds), 8))

    def close(self, number: int) -> None:
        self.lib.usrsctp_close(self.sockets[number])


def sockaddr(host: str, port: int) -> bytes:
    """struct sockaddr_in。"""
    return struct.pack("H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(host))


def check(result: int) -> int:
    """-1 变成 ``OSError``。"""
    if result < 0:
        raise OSError(ctypes.get_errno(), "usrsctp")
    return result


def answer(call: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": call(**arguments)}
    except OSError as error:
        return {"errno": error.errno or errno.EIO}


if __name__ == "__main__":
    stack = Stack(sys.argv[1])
    print(json.dumps({"value": "ready"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answer(getattr(stack, request.pop("do")), request)), flush=True)
    os._exit(0)  # usrsctp 的线程不等人
