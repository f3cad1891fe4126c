"""主机上的进程：一种只拿着套接字，一种运行一个程序。网络一关，它们都消失。"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockscope.live.host import Host
    from sockscope.live.socket import TracedSocket

__all__ = ["Process", "Program"]


class Process:
    """一个只拿着几个套接字的进程。``kill()`` 之后，它的描述符由内核逐个关闭；``stop()`` 之后，它们都留着。"""

    def __init__(self, host: Host, sockets: tuple[TracedSocket, ...]) -> None:
        self.host = host
        message, _ = host.require_namespace().request("hold", [s.fileno() for s in sockets])
        self.pid: int = message["pid"]
        self.exit = os.pidfd_open(self.pid)
        host.network.processes.append(self)
        for sock in sockets:
            host.network.act(host.name, "process", sock.label)
            os.close(host.release(sock))

    def kill(self) -> None:
        """kill -9，并等到它真的死了。"""
        self.host.network.act(self.host.name, "kill", "SIGKILL")
        signal.pidfd_send_signal(self.exit, signal.SIGKILL)
        select.select([self.exit], [], [])
        self.host.watch.sample()

    def stop(self) -> None:
        """kill -STOP，并等到它真的停了：从此什么也不做，描述符却都还在，内核照样替它收发。"""
        self.host.network.act(self.host.name, "stop", "SIGSTOP")
        signal.pidfd_send_signal(self.exit, signal.SIGSTOP)
        while self.state() != "T":
            os.sched_yield()

    def state(self) -> str:
        """进程的状态，一个字母（proc_pid_stat(5)）：S 睡着，T 停住。"""
        with open(f"/proc/{self.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]

    def close(self) -> None:
        """网络关闭时：不留活口，也不留描述符。"""
        if self.exit >= 0:
            with suppress(ProcessLookupError):  # 实验里已经杀过
                signal.pidfd_send_signal(self.exit, signal.SIGKILL)
        self.forget()

    def forget(self) -> None:
        """只放下描述符，不管那个进程。"""
        if self.exit >= 0:
            os.close(self.exit)
            self.exit = -1


class Program:
    """在主机的命名空间里运行的程序。``stdin``、``stdout``、``stderr`` 是字节文件，``wait()`` 返回退出码。

    它的系统调用不在日志里（那要 ptrace），包和内核状态照样看得见。程序不存在时退出码是 127。
    """

    def __init__(self, host: Host, argv: tuple[str, ...]) -> None:
        child_in, self_in = os.pipe()
        self_out, child_out = os.pipe()
        self_err, child_err = os.pipe()
        self_status, child_status = os.pipe()
        theirs = [child_in, child_out, child_err, child_status]
        try:
            host.require_namespace().request("spawn", theirs, argv=list(argv))
        finally:
            for fd in theirs:
                os.close(fd)
        self.stdin, self.stdout = os.fdopen(self_in, "wb", 0), os.fdopen(self_out, "rb")
        self.stderr, self.status = os.fdopen(self_err, "rb"), os.fdopen(self_status, "rb")
        self.returncode: int | None = None
        host.network.processes.append(self)

    def wait(self) -> int:
        """等它结束。被信号杀死时返回负的信号编号，同 ``subprocess``。"""
        if self.returncode is None:
            self.returncode = int(self.status.read() or -signal.SIGKILL)
        return self.returncode

    def close(self) -> None:
        """网络关闭时：管道关掉；程序随主机一起消失。"""
        for file in (self.stdin, self.stdout, self.stderr, self.status):
            file.close()

    forget = close
