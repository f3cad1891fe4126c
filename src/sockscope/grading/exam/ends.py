"""考官的一头：它自己的套接字，和它从内核、从网线上问得到的事实。"""

from __future__ import annotations

import itertools
import os
import select
import socket
import stat
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from sockscope.grading.exam.arguments import PORT
from sockscope.grading.exam.waiting import Waiting, poll, refusal
from sockscope.trace import Packet

__all__ = ["Ends", "linger_reset"]

TRIALS = 5  # 考官自己被耽搁了，最多重来这么多次


class Ends(Waiting):
    """收发与查问。收不到、连不上，都是一行不符。"""

    def listen(self, host: str = "server", port: int = PORT, backlog: int = 8) -> Any:
        """在考官的主机上听着。"""
        sock = self.net[host].socket()
        sock.bind((self.net[host].address, port))
        sock.listen(backlog)
        return sock

    def dial(self, host: str, address: Any) -> Any:
        """从考官的主机连到学生那里；连不上就是一行不符。"""
        sock = self.net[host].socket()
        sock.settimeout(self.check.patience)
        try:
            sock.connect(address)
        except OSError as error:
            self.fail(f"连到 {endpoint(address)}", "连上", refusal(error))
        sock.settimeout(None)
        return sock

    def accept(self, listener: Any, tried: str = "等你的程序连上来", expected: str = "一个连接") -> Any:
        """接住一个连接。"""
        self._readable(listener, tried, expected)
        conn, _ = listener.accept()
        return conn

    def receive(self, sock: Any, most: int = 65536, tried: str = "等你的程序发来数据", expected: str = "数据") -> bytes:
        """收一次；``b""`` 是对方的 FIN。"""
        self._readable(sock, tried, expected)
        try:
            data: bytes = sock.recv(most)
            return data
        except OSError as error:
            self.fail(tried, expected, refusal(error))

    def receive_exactly(self, sock: Any, size: int, tried: str = "", expected: str = "") -> bytes:
        """收够 ``size`` 个字节；提前到头就少于它。"""
        data = b""
        while len(data) < size and (more := self.receive(
                sock, size - len(data), tried or f"收 {size} 个字节", expected or f"{size} 个字节")):
            data += more
        return data

    def receive_all(self, sock: Any, tried: str = "一直收到结尾", expected: str = "数据，然后是 FIN") -> bytes:
        """一直收到 FIN。"""
        data = b""
        while more := self.receive(sock, 65536, tried, expected):
            data += more
            if len(data) > 1 << 22:
                self.fail(tried, expected, "没完没了的数据")
        return data

    def send(self, sock: Any, data: bytes, tried: str = "把数据发给你的程序") -> None:
        """全部交给内核。对方不读、缓冲区满了，就等到时限。"""
        done = 0
        while done < len(data):
            self.until(lambda: poll(sock, select.POLLOUT), tried, f"收下 {len(data)} 个字节",
                       partial("只收下了 {} 个就不再读了".format, done))
            try:
                done += sock.send(data[done:done + 65536], socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError as error:
                self.fail(tried, f"收下 {len(data)} 个字节", refusal(error))

    def trickle(self, sock: Any, data: bytes, pieces: int = 6) -> None:
        """切成随机的几段发出：上一段被读走了才发下一段，所以对方每次只读得到一段。"""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cuts = sorted(self.rng.sample(range(1, len(data)), min(pieces, len(data)) - 1)) if len(data) > 1 else []
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            self.send(sock, data[start:end])
            self.pause(lambda: self.quiet() and not self.unread(sock))

    def _readable(self, sock: Any, tried: str, expected: str) -> None:
        self.until(lambda: poll(sock, select.POLLIN), tried, expected, lambda: "什么也没有等到", sock)

    # ------------------------------------------------------------ 事实

    def sent(self, *flags: str, host: str = "") -> list[Packet]:
        """学生的主机（或 ``host``）发出的、带有这些标志的包。"""
        return self.net.trace.sent_by(host or self.check.student, *flags)

    def unread(self, sock: Any) -> int:
        """``sock`` 这条连接上，学生的内核里还有多少字节没有被读走（sock_diag）。"""
        reading = self.look_up(sock.getpeername()[:2], sock.getsockname()[:2])
        return reading.receive_queue if reading else 0

    def taken(self) -> bool:
        """考官发出的包都送达了，学生的 UDP 套接字里也都取走了（proc_net(5) 的 udp 表）。"""
        if any(p.end is None and p.fate == "delivered" for p in self.net.trace.packets if p.src != self.student.name):
            return False
        with open(f"/proc/{self.student.require_namespace().pid}/net/udp") as table:
            return not any(int(line.split()[4].partition(":")[2], 16) for line in table.readlines()[1:])

    def silence(self, address: Any) -> float:
        """从学生往 ``address`` 发出第一个包起，考官的包最长有多少秒没有送达学生：考官自己被耽搁了多久。"""
        packets = self.net.trace.packets
        begun = next(p.t for p in packets if p.target == endpoint(address))
        came = [p.end for p in packets if p.src != self.student.name and p.end and p.end > begun]
        return max(after - before for before, after in itertools.pairwise([begun, *came, self.net.journal.now()])) / 1e9

    def now(self) -> int:
        """此刻，轨迹里的时刻：从考试开始算起的纳秒。"""
        return self.net.journal.now()

    def arrival(self, address: Any, since: int) -> int:
        """考官从 ``address`` 发出的数据，``since`` 以后的第一个包何时送达；还没有出发或送达，就是此刻。"""
        sent = (p for p in self.net.trace.packets if p.source == endpoint(address) and p.length and p.t >= since)
        return next((p.end for p in sent if p.end), self.now())

    def unhindered(self, trial: Callable[[], Any], limit: float) -> None:
        """做一次 ``trial``，它返回考官收信的地址。考官静默得接近 ``limit`` 秒，学生听到的就不是该听的，再来一次。"""
        for _ in range(TRIALS):
            if self.silence(trial()) < 0.8 * limit:
                return

    def state(self, sock: Any) -> str:
        """``sock`` 这条连接在学生那一端的状态；内核里已经没有了则为 ``CLOSE``。"""
        return self.state_of(sock.getpeername()[:2], sock.getsockname()[:2])

    def state_of(self, local: Any, peer: Any) -> str:
        """学生的内核里，``local`` 到 ``peer`` 这条连接的状态；没有则为 ``CLOSE``。"""
        reading = self.look_up(local, peer)
        return reading.state if reading else "CLOSE"

    def sockets(self) -> int:
        """学生的主机上有几个套接字（proc(5) 的 sockstat），连内核还替人善后的在内；考官的也算。"""
        with open(f"/proc/{self.student.require_namespace().pid}/net/sockstat") as table:
            return int(table.readline().split()[2])

    def require_closed(self, count: int, what: str) -> None:
        """等学生的主机上又只有 ``count`` 个套接字：他那时该关的都关了。"""
        self.until(lambda: self.sockets() <= count, what, "关掉了", lambda: "还开着")

    def held(self, local: Any, peer: Any) -> bool:
        """学生的内核里 ``local`` 到 ``peer`` 这条连接，还有没有进程拿着它的描述符。"""
        reading = self.look_up(local, peer)
        return bool(reading and reading.inode)

    def wait_listening(self, port: int, tried: str = "") -> None:
        """等学生的程序在 ``port`` 上听。"""
        wild = [(self.student.address, port), ("0.0.0.0", port)]
        self.until(lambda: any(self.look_up(local, ("0.0.0.0", 0)) for local in wild),
                   tried or f"等你的程序监听端口 {port}", "LISTEN")

    def look_up(self, local: Any, peer: Any) -> Any:
        """``local`` 所在的主机的内核里，这个四元组此刻的读数；没有则为 None。"""
        host = next((h for h in self.net.hosts.values() if local[0] in h.addresses), self.student)
        with host.watch.lock:
            return host.watch.diag and host.watch.diag.look_up(local, peer)

    def unix_connect(self, name: str, kind: int = socket.SOCK_STREAM, tried: str = "") -> socket.socket:
        """连到考场文件夹里的 Unix 域套接字。符号链接不跟随，对端必须是考场里的进程，不是这台机器上别的什么。"""
        tried = tried or f"连到 …/{name}"
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.settimeout(self.check.patience)
        self.own.append(sock)
        try:
            fd = os.open(self.net.folder + name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            self.fail(tried, "一个套接字文件", refusal(error))
        try:
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                self.fail(tried, "一个套接字文件", "不是套接字")
            sock.connect(f"/proc/self/fd/{fd}")
        except OSError as error:
            self.fail(tried, "连上", refusal(error))
        finally:
            os.close(fd)
        self.require_home(sock, tried)
        return sock

    def require_home(self, sock: socket.socket, tried: str) -> None:
        """对端（``SO_PEERCRED``，unix(7)）要么是考官自己，要么住在这个网络的一台主机里；已经没了的也不算。"""
        pid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        homes = {_network(h.require_namespace().pid) for h in self.net.hosts.values()} - {0}
        if pid != os.getpid() and _network(pid) not in homes:
            self.fail(tried, "听着的是你的程序", "听着的不是考场里的进程")


def _network(pid: int) -> int:
    """一个进程的网络命名空间的编号；进程没有了则为 0。"""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return 0


def endpoint(address: Any) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)


def linger_reset(sock: Any) -> None:
    """考官用 RST 离开。"""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
