"""内核自己说的状态：sock_diag(7) 与 TCP_INFO，从不推算。

``Watch`` 盯住一台主机上的 TCP 端点。网线每取走一个包、每送达一个包，套接字每返回一次调用，都叫它看一眼：
状态只会在这些时刻改变，所以不需要轮询。描述符关掉以后，只有 sock_diag 还看得见孤儿连接和 TIME_WAIT；
反过来，已经 CLOSE 而描述符还开着的套接字不在内核的表里，只有 TCP_INFO 答得出来。
"""

from __future__ import annotations

import _socket
import functools
import socket
import struct
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["NAMES", "PLAIN", "RAW", "Own", "Reading", "Watch", "endpoint", "tcp_info_state"]

# <net/tcp_states.h>；12 号 NEW_SYN_RECV 在 sock_diag 里就报作 SYN_RECV
NAMES = ("", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
         "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECV")
SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, NLMSG_ERROR = 20, 1, 2
TIMER_RETRANSMIT = 1  # idiag_timer（sock_diag(7)）
NOCOOKIE = b"\xff" * 8
PLAIN = socket.socket  # 读者可以把 socket.socket 换成自己的子类，仪器用的总是原来的那个
Socket = socket.socket
RAW = _socket.socket  # C 写的那一层：网络开着时 socket.socket 的方法会换成记录在案的，仪器自己的调用不经过它们

class Own(_socket.socket):
    """仪器自己的套接字：没有人再用就关，不必说什么，要说的由网络去说。"""

    def __del__(self) -> None:
        self.close()


STEADY = ("ESTABLISHED", "LISTEN", "CLOSE")  # 普通的数据和确认不会让连接离开这些状态
ANY, ANY6 = "0.0.0.0", "::"

Address = tuple[str, int]


def endpoint(address: Address) -> str:
    """``("10.0.0.1", 7)`` → ``10.0.0.1:7``；IPv6 地址加方括号。"""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def tcp_info_state(sock: socket.socket) -> str:
    """TCP_INFO 的第一个字节（tcpi_state）；不是 TCP 套接字，或系统没有 TCP_INFO，则为空串。"""
    if not hasattr(socket, "TCP_INFO"):
        return ""
    try:
        return NAMES[RAW.getsockopt(sock, socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]]  # 不算程序的调用
    except OSError:
        return ""


@dataclass(frozen=True)
class Reading:
    """一次读数：状态、两个队列的字节数、读自哪里，重传定时器开着没有，套接字的编号（没有进程拿着它则为 0）。"""

    state: str
    receive_queue: int = 0
    send_queue: int = 0
    origin: str = "sock_diag"
    retransmitting: bool = False
    inode: int = 0


class Diag:
    """一个命名空间的 NETLINK_SOCK_DIAG 口，用四元组精确查询，不遍历内核的表。"""

    def __init__(self, sock: _socket.socket) -> None:
        self.sock = sock

    def look_up(self, local: Address, peer: Address) -> Reading | None:
        """这个四元组此刻的状态；内核里没有它则为 None。对端端口为 0 表示问监听套接字。"""
        try:
            self.sock.send(_request(local, peer))
            reply = self.sock.recv(4096)
        except OSError:
            return None
        if struct.unpack_from("=H", reply, 4)[0] == NLMSG_ERROR:
            return None
        state = NAMES[reply[17]]
        if (state == "LISTEN") != (peer[1] == 0):  # 没有连接时，内核会退而找到监听套接字
            return None
        _expires, received, unsent, _uid, inode = struct.unpack_from("=5I", reply, 16 + 4 + 48)
        return Reading(state, received, unsent, retransmitting=reply[18] == TIMER_RETRANSMIT, inode=inode)


@functools.lru_cache(1024)
def _request(local: Address, peer: Address) -> bytes:
    """同一个问题要问许多遍，所以记住它的写法。struct nlmsghdr + struct inet_diag_req_v2（<linux/inet_diag.h>）。"""
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    ends = struct.pack("!HH", local[1], peer[1]) + b"".join(
        socket.inet_pton(family, a[0]).ljust(16, b"\0") for a in (local, peer))
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + ends + bytes(4) + NOCOOKIE
    return struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + body


@dataclass
class Flow:
    """一个被盯住的端点：四元组、它的套接字（如果还开着）、上一次报告的状态。监听端点的对端是通配地址。

    别的程序的套接字，只知道内核给它的编号 ``inode``（见过才有）。
    """

    local: Address
    peer: Address
    label: str = ""
    state: str = ""
    inode: int = 0
    _socket: weakref.ref[Socket] | None = None

    @property
    def socket(self) -> Socket | None:
        return self._socket() if self._socket is not None else None

    @property
    def unknown(self) -> bool:
        """还不知道它是哪个套接字。"""
        return not (self.label or self.inode)

    def belong(self, sock: Socket | None) -> None:
        """端点是这个套接字的；不留住它。"""
        self._socket = weakref.ref(sock) if sock is not None else None


class Watch:
    """一台主机上的全部 TCP 端点；某个端点的状态一变，就叫 ``report(flow, reading)``；``who(sock)`` 说出套接字的编号和两端。

    ``also``：每看一眼，还要做的几件事（``readiness.py``、``queues.py``）。线程安全：网线的线程与应用的线程都会来看。
    ``lock`` 也保护描述符：套接字先在锁里交出描述符，再在锁外关闭。
    ``strangers``：主机上有别的程序，它们的调用也要记，所以还要知道它们的端点是哪个套接字，它们在哪里监听。
    """

    def __init__(self, diag: Diag | None, report: Callable[[Flow, Reading], None],
                 who: Callable[[socket.socket], tuple[str, Address, Address | None]]) -> None:
        self.diag = diag
        self.report, self.who = report, who
        self.lock = threading.RLock()
        self.flows: dict[tuple[Address, Address], Flow] = {}
        self.sockets: weakref.WeakKeyDictionary[socket.socket, None] = weakref.WeakKeyDictionary()
        self.resting = False
        self.steady = False
        self.also: list[Callable[[], None]] = []
        self.strangers = False

    def adopt(self, sock: socket.socket) -> None:
        """从此认得这个 TCP 套接字。"""
        with self.lock:
            self.sockets[sock] = None

    def release(self, sock: socket.socket) -> int:
        """套接字要关了：忘掉它，取走它的描述符（已经没有则为 -1）。它的端点从此只有 sock_diag 看得见。"""
        with self.lock:
            self.sockets.pop(sock, None)
            for flow in list(self.flows.values()):
                if flow.socket is sock:
                    flow.belong(None)
            return RAW.detach(sock)

    def restart(self, diag: Diag) -> None:
        """主机断电重启了：旧套接字都成了空壳，从此只问新内核 ``diag``，它什么都不记得。"""
        with self.lock:
            self.diag = diag
            self.sockets.clear()
            for flow in self.flows.values():
                flow.belong(None)

    def may_change(self, raw: bytes) -> bool:
        """这个包会不会改变本机某个端点的状态：大家都在稳定的状态里时，只有 SYN、FIN、RST 会。"""
        head = (raw[0] & 15) * 4 if raw[0] >> 4 == 4 else 40
        return not self.steady or bool(self.also) or any(flags & 0x07 for flags in raw[head + 13:head + 14])

    def see(self, local: Address, peer: Address) -> None:
        """网线上出现了这个四元组：盯住它，并看一眼本机全部端点。"""
        with self.lock:
            if self.strangers and (local, peer) not in self.flows:
                self._find_listener(local)
            self.flows.setdefault((local, peer), Flow(local, peer))
            self.sample()

    def _find_listener(self, local: Address) -> None:
        """有人连到本机的一个端口：是别的程序在那里监听的，也盯住它。"""
        if any(flow.local[1] == local[1] and not flow.peer[1] for flow in self.flows.values()):
            return
        anyone = (ANY6 if ":" in local[0] else ANY, 0)
        for place in ((anyone[0], local[1]), local):
            if self.diag and self.diag.look_up(place, anyone):
                self._read(self.flows.setdefault((place, anyone), Flow(place, anyone)))
                return

    def sample(self) -> None:
        """看一眼，把变了的报告出去。收工以后（``resting``）不再看。"""
        if self.resting:
            return
        with self.lock:
            for sock in list(self.sockets):
                self._introduce(sock)
            for flow in list(self.flows.values()):
                self._read(flow)
            self.steady = all(flow.state in STEADY and not (self.strangers and flow.unknown) for flow in self.flows.values())
            for look in self.also:
                look()

    def retransmitting(self) -> bool:
        """有没有哪个端点的重传定时器开着：它发出的什么还没有得到确认。"""
        with self.lock:
            readings = [self.diag.look_up(f.local, f.peer) for f in self.flows.values()] if self.diag else []
        return any(reading is not None and reading.retransmitting for reading in readings)

    def _introduce(self, sock: socket.socket) -> None:
        """把套接字与它的端点对上号：连接靠四元组，正在连接的只有本地一半，监听的对端是通配地址。"""
        label, local, peer = self.who(sock)
        if peer is None and tcp_info_state(sock) == "LISTEN":
            peer = (ANY6 if ":" in local[0] else ANY, 0)
        if peer is not None:
            self.flows.setdefault((local, peer), Flow(local, peer))
        for flow in list(self.flows.values()):
            if flow.local == local and flow.socket is None and (peer == flow.peer or (peer is None and self._may_be(sock, flow))):
                flow.belong(sock)
                flow.label = label

    def _may_be(self, sock: socket.socket, flow: Flow) -> bool:
        """只知道本地一半的套接字会不会是它：绑在同一个端口上的可能有几个，内核说的状态要对得上。"""
        reading = self.diag.look_up(flow.local, flow.peer) if self.diag else None
        return reading is None or reading.state == tcp_info_state(sock)

    def _read(self, flow: Flow) -> None:
        reading = self.diag.look_up(flow.local, flow.peer) if self.diag else None
        if reading is not None and reading.inode:
            flow.inode = reading.inode
        if reading is None and (sock := flow.socket) is not None:
            reading = Reading(tcp_info_state(sock), origin="TCP_INFO")
        if reading is None or (reading.state == "CLOSE" and not flow.state):  # 绑好了还没有连：还没有一生可讲
            reading = Reading("CLOSE" if flow.state else "")
        if reading.state != flow.state:
            flow.state = reading.state
            self.report(flow, reading)
        if flow.state in ("", "CLOSE") and flow.socket is None:  # 没有（或不再有）这个端点
            self.flows.pop((flow.local, flow.peer), None)
