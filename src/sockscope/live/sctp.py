"""SCTP：内核有就用内核的，没有就请用户空间的 usrsctp，两者都没有就抛 ``Unavailable``，只能看录制。

    listener = sctp.socket(net.server)          # 一对一的套接字（RFC 6458 §4）
    near.send(b"hello", stream=1)
    message = far.recv()                        # message.data、message.stream、message.whole

两种栈的方法、参数、结果相同。记进日志的名字不同：内核的是系统调用 ``connect``，用户态的是库函数
``usrsctp_connect``，读者由此看得出自己看的是哪一种。
"""

from __future__ import annotations

import ctypes
import errno
import functools
import json
import os
import select
import socket as sockets
import struct
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sockscope.live.call_text import show
from sockscope.live.capability import Unavailable
from sockscope.live.pace import patience
from sockscope.live.process import Program
from sockscope.live.socket import TracedSocket
from sockscope.live.states import RAW

if TYPE_CHECKING:
    from sockscope.live.host import Host

__all__ = ["LIBRARIES", "TITLES", "Message", "sentence", "socket", "stack"]

IPPROTO_SCTP = 132
SCTP_NODELAY, SCTP_DELAYED_SACK, SCTP_RECVRCVINFO = 3, 16, 32  # <linux/sctp.h>
EVERY_PACKET = struct.pack("iII", 0, 0, 1)  # struct sctp_sack_info：每个包都确认，不推迟
SCTP_SNDINFO, SCTP_RCVINFO = 2, 3
SNDINFO, RCVINFO = struct.Struct("HHIIi"), struct.Struct("HHHxxIIIIi")  # RFC 6458 §5.3.4、§5.3.5
LIBRARIES = ("libusrsctp.so.2", "libusrsctp.so.1")
TITLES = {"kernel": "内核 SCTP", "usrsctp": "用户态 usrsctp", "": "录制"}
PATIENCE = 15.0  # 等用户态的一次调用，秒
LARGEST = 65536
REMEDY = "补救：sudo apt install libusrsctp2，或 sudo modprobe sctp。"


class Message(NamedTuple):
    """收到的一条消息：数据、走哪条流、是不是整条（MSG_EOR）。没有流号说明关联已经结束。"""

    data: bytes
    stream: int | None
    whole: bool


Outcome = Callable[[Any], tuple[Any, "str | None"]]


def stack() -> str:
    """这台机器用哪一种：``kernel``、``usrsctp``，或空串（没有）。"""
    try:
        sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM, IPPROTO_SCTP).close()
    except OSError:
        return "usrsctp" if _library(LIBRARIES) else ""
    return "kernel"


def sentence() -> str:
    """一句话：接下来看到的是哪一种 SCTP，为什么。"""
    return {
        "kernel": "内核 SCTP：这个内核有它，下面的调用都是系统调用。",
        "usrsctp": "用户态 usrsctp：内核没有 SCTP，由 libusrsctp 借原始套接字收发。",
        "": f"录制：内核没有 SCTP，也没有 libusrsctp。\n{REMEDY}",
    }[stack()]


def socket(host: Host) -> KernelSocket | UserSocket:
    """在这台主机上新建一个一对一的 SCTP 套接字。两种栈都没有则抛 ``Unavailable``。"""
    found = stack()
    if not found:
        raise Unavailable(sentence())
    if found == "kernel":
        return KernelSocket(host.socket(sockets.AF_INET, sockets.SOCK_STREAM, IPPROTO_SCTP))
    return UserSocket(host)


@functools.cache
def _library(names: tuple[str, ...]) -> str:
    """装得上的第一个库；一个也没有则为空串。"""
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return ""


# ---------------------------------------------------------------- 内核

class KernelSocket:
    """内核的 SCTP 套接字：流号走辅助数据。"""

    def __init__(self, sock: TracedSocket) -> None:
        self.socket = sock
        for option, value in ((SCTP_NODELAY, 1), (SCTP_RECVRCVINFO, 1), (SCTP_DELAYED_SACK, EVERY_PACKET)):
            RAW.setsockopt(sock, IPPROTO_SCTP, option, value)  # 仪器的设置，不进轨迹
        self.bind, self.listen, self.connect = sock.bind, sock.listen, sock.connect
        self.shutdown, self.close = sock.shutdown, sock.close

    def accept(self) -> tuple[KernelSocket, Any]:
        """取走一条关联。"""
        conn, peer = self.socket.accept()
        return KernelSocket(conn), peer

    def send(self, data: bytes, stream: int = 0) -> int:
        """在第 ``stream`` 条流上发一条消息。"""
        return self.socket.sendmsg([data], [(IPPROTO_SCTP, SCTP_SNDINFO, SNDINFO.pack(stream, 0, 0, 0, 0))])

    def recv(self, size: int = LARGEST) -> Message:
        """取一条消息（或它的一段）。"""
        data, ancillary, flags, _ = self.socket.recvmsg(size, 256)
        streams = [RCVINFO.unpack(body)[0] for level, kind, body in ancillary if (level, kind) == (IPPROTO_SCTP, SCTP_RCVINFO)]
        return Message(data, streams[0] if streams else None, bool(flags & sockets.MSG_EOR))

    def linger(self, seconds: int) -> None:
        """SO_LINGER；0 秒则 ``close()`` 发 ABORT。"""
        self.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, seconds))


# ---------------------------------------------------------------- 用户空间

class Stack:
    """一台主机里的 usrsctp 进程；请求与应答都是一行 JSON。"""

    def __init__(self, host: Host) -> None:
        child = str(Path(__file__).with_name("usrsctp.py"))
        self.program = Program(host, (sys.executable, "-P", child, _library(LIBRARIES)))
        self.reply()

    def ask(self, do: str, **arguments: Any) -> Any:
        """做一件事。那边的 errno 在这边变成同样的 ``OSError``，等不到应答是 ``TimeoutError``。"""
        self.program.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        return self.reply()

    def reply(self) -> Any:
        if not select.select([self.program.stdout], [], [], patience(PATIENCE))[0]:
            raise TimeoutError(f"usrsctp 过了 {patience(PATIENCE):.0f} 秒没有应答。")
        message = json.loads(self.program.stdout.readline() or f'{{"errno": {errno.EPIPE}}}')
        if "errno" in message:
            raise OSError(message["errno"], os.strerror(message["errno"]))
        return message["value"]


_stacks: weakref.WeakKeyDictionary[Host, Stack] = weakref.WeakKeyDictionary()


def _running(host: Host) -> Stack:
    """这台主机的 usrsctp，没有就启动一个；网络关闭时它随主机消失。"""
    if host not in _stacks:
        _stacks[host] = Stack(host)
    return _stacks[host]


class UserSocket:
    """用户空间的 SCTP 套接字：每次调用记成 ``usrsctp_…``，时刻包含一次进程间的来回（约 0.1 毫秒）。"""

    def __init__(self, host: Host, number: int | None = None) -> None:
        self.host, self.label = host, host.next_label()
        self.number = _running(host).ask("socket") if number is None else number

    def bind(self, address: tuple[str, int]) -> None:
        self._call("bind", show(address), host=address[0], port=address[1])

    def listen(self) -> None:
        self._call("listen")

    def connect(self, address: tuple[str, int]) -> None:
        self._call("connect", show(address), host=address[0], port=address[1])

    def accept(self) -> tuple[UserSocket, tuple[str, int]]:
        """取走一条关联。"""
        accepted: tuple[UserSocket, tuple[str, int]] = self._call("accept", outcome=self._accepted)
        return accepted

    def send(self, data: bytes, stream: int = 0) -> int:
        """在第 ``stream`` 条流上发一条消息。"""
        sent: int = self._call("send", f"{show(data)}, stream={stream}", moved=data, data=data.hex(), stream=stream)
        return sent

    def recv(self, size: int = LARGEST) -> Message:
        """取一条消息（或它的一段）。"""
        message: Message = self._call("recv", str(size), outcome=_received, size=size)
        return message

    def shutdown(self, how: int) -> None:
        self._call("shutdown", ("SHUT_RD", "SHUT_WR", "SHUT_RDWR")[how], how=how)

    def linger(self, seconds: int) -> None:
        """SO_LINGER；0 秒则 ``close()`` 发 ABORT。"""
        self._call("setsockopt", f"SO_LINGER, {{l_onoff=1, l_linger={seconds}}}", seconds=seconds)

    def close(self) -> None:
        self._call("close")

    def _accepted(self, value: dict[str, Any]) -> tuple[Any, str]:
        conn, peer = UserSocket(self.host, value["socket"]), tuple(value["peer"])
        return (conn, peer), f"{conn.label}, {show(peer)}"

    def _call(self, do: str, args: str = "", outcome: Outcome = lambda value: (value, value and str(value)),
              moved: bytes | None = None, **arguments: Any) -> Any:
        """请那边做，并记进日志。``outcome`` 把应答变成返回值和它在图上的文字。"""
        journal = self.host.journal
        entry = journal.begin(None, self.host.name, self.label, f"usrsctp_{do}", args, timeout=True)
        try:
            result, said = outcome(_running(self.host).ask(do, number=self.number, **arguments))
        except OSError as error:
            journal.finish(entry, error=error)
            raise
        journal.finish(entry, result=said, data=result.data if isinstance(result, Message) else moved)
        return result


def _received(value: dict[str, Any]) -> tuple[Message, str]:
    data = bytes.fromhex(value["data"])
    message = Message(data, value["stream"] if data else None, value["whole"])
    said = [show(data)] + ([f"stream={message.stream}"] if data else []) + (["MSG_EOR"] if message.whole else [])
    return message, ", ".join(said)
