"""主机上的进程：一种只拿着套接字，一种运行一个程序。网络一关，它们都消失。"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import select
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sockscope.live.strace import Tracing
from sockscope.live.waits import REAL

if TYPE_CHECKING:
    from sockscope.live.host import Host
    from sockscope.live.network import Network
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


class Program(subprocess.Popen):  # type: ignore[type-arg]
    """在主机的命名空间里运行的程序。就是 ``subprocess.Popen``：``pid``、``poll``、``wait``、``communicate``、``kill``……都一样。

    不同的有几处：三个管道缺省都接着，``stdin`` 不缓冲；程序不存在、不许运行，当场抛一句中文（``FileNotFoundError``、
    ``PermissionError``）；/etc/hosts 里有这个网络的主机，机器名是主机的名字；它和它的子孙随网络一起消失，无论走得多远。
    ``calls=True`` 时，它们对套接字做的系统调用也在轨迹里（``strace.py``）；否则只有包和内核的状态。
    """

    stdin: Any
    stdout: Any
    stderr: Any

    def __init__(self, host: Host, argv: tuple[Any, ...], *, calls: bool = False, text: bool = False, **options: Any) -> None:
        host.require_namespace()
        if not argv:
            raise ValueError("program() 要程序的名字，后面是它的参数。")
        self.host, self.exit = host, -1
        self.tracing = Tracing(host, os.path.basename(os.fsdecode(argv[0]))) if calls else None
        self.status, self._childs_status = os.pipe()
        try:
            super().__init__(argv, text=text or None, **(dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | options))
        except BaseException:
            self.forget()
            raise
        finally:
            os.close(self._childs_status)
        if isinstance(self.stdin, io.BufferedWriter):
            self.stdin = self.stdin.detach()
        host.network.processes.append(self)

    # ------------------------------------------------------------ Popen 与内核打交道的地方，改为问主机

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any,
                       pass_fds: Any, cwd: Any, env: Any, startupinfo: Any, creationflags: Any, shell: Any,
                       p2cread: int, p2cwrite: int, c2pread: int, c2pwrite: int, errread: int, errwrite: int,
                       *_unused: Any) -> None:
        argv, place = [os.fsdecode(word) for word in args], os.fsdecode(cwd or os.getcwd())
        given = os.environ if env is None else env
        recipe = {"argv": argv, "env": {os.fsdecode(name): os.fsdecode(value) for name, value in given.items()},
                  "cwd": place, "name": self.host.name, "files": names_of(self.host.network),
                  "tracer": self.tracing.command() if self.tracing else []}
        standard = [own if fd == -1 else fd for own, fd in enumerate((p2cread, c2pwrite, errwrite))]
        written = os.memfd_create("recipe")
        try:
            os.pwrite(written, json.dumps(recipe).encode(), 0)
            traced = [self.tracing.file] if self.tracing else []
            handed = [*standard, self._childs_status, written, *traced]
            told, fds = self.host.require_namespace().request("spawn", handed)
        finally:
            os.close(written)
            self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined]
        if "refused" in told:
            raise refusal(argv[0], place, *told["refused"])
        self.pid, self.exit = told["pid"], fds[0]
        if self.tracing is not None:
            self.tracing.pid = self.pid

    def _internal_poll(self, *_unused: Any, **_options: Any) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self._wait(0)
        return None

    def _wait(self, timeout: float | None = None) -> int:
        """退出码；被信号杀死时是负的信号编号。"""
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                asked = REAL["poll"]()
                asked.register(self.status, select.POLLIN)
                if not asked.poll(None if timeout is None else max(0, timeout) * 1000):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
                self.returncode = int(os.read(self.status, 16) or -signal.SIGKILL)
            return self.returncode

    def send_signal(self, sig: int) -> None:
        """给它一个信号；已经结束了则什么也不做。"""
        if self.poll() is None:
            known = {signal.SIGKILL: "kill", signal.SIGSTOP: "stop"}
            self.host.network.act(self.host.name, known.get(signal.Signals(sig), "signal"), signal.Signals(sig).name)
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.exit, sig)

    # ------------------------------------------------------------ 收工

    def close(self) -> None:
        """网络关闭时：管道关掉；程序随主机一起消失。"""
        if self.tracing is not None:
            self.tracing.freeze()
        if self.returncode is None and self.poll() is None:
            self.returncode = -signal.SIGKILL
        self.forget()

    def forget(self) -> None:
        """只放下描述符。"""
        for file in (self.stdin, self.stdout, self.stderr) if self.exit >= 0 else ():
            if file is not None:
                with suppress(BrokenPipeError):
                    file.close()
        for fd in (self.status, self.exit):
            if fd >= 0:
                os.close(fd)
        self.status = self.exit = -1
        if self.tracing is not None:
            self.tracing.forget()


class _Sentence(OSError):
    """给人看的就是那句话，不带 errno 的号码。"""

    def __str__(self) -> str:
        return str(self.strerror)


class Missing(_Sentence, FileNotFoundError):
    """没有这个程序，或没有那个文件夹。"""


class Forbidden(_Sentence, PermissionError):
    """不许运行。"""


def refusal(program: str, cwd: str, stage: str, number: int) -> OSError:
    """程序运行不了：一句话说缺什么，怎样补上。"""
    kind = {errno.ENOENT: Missing, errno.EACCES: Forbidden}.get(number, _Sentence)
    if stage == "cwd":
        return kind(number, f"进不了文件夹 {cwd}（{errno.errorcode.get(number, number)}）。")
    match number:
        case errno.ENOENT:
            return kind(number, f"没有 {program} 这个程序。补救：装上它，或者写出它的路径。")
        case errno.EACCES:
            return kind(number, f"{program} 不许运行。补救：chmod +x；文件系统挂载时带着 noexec 的，换一个地方放它。")
        case errno.ENOEXEC:
            return kind(number, f"{program} 不是内核认得的程序。补救：脚本的第一行写上 #!，或者用它的解释器来运行。")
    return kind(number, f"{program} 运行不了（{errno.errorcode.get(number, number)}：{os.strerror(number)}）。")


def names_of(network: Network) -> dict[str, str]:
    """主机上的程序看到的 /etc/hosts 和 /etc/resolv.conf：每台主机一个名字，指向它的 IPv4 地址，``名字6`` 是 IPv6 的。

    别的名字问叫 ``dns`` 的那台主机（有几台 ``dns1``、``dns2``，就按次序问）；没有就问不到：写的是自己，那里没有人听，
    内核当场回一句“没有”。
    """
    rows = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    for host in network.hosts.values():
        rows += [f"{host.address} {host.name}", *[f"{address} {host.name}6" for address in host.addresses if ":" in address][:1]]
    for name, target in getattr(network, "names", {}).items():  # 读者起的域名：指向一台主机，或一个地址
        rows.append(f"{network.hosts[target].address if target in network.hosts else target} {name}")
    asked = [host.address for name, host in sorted(network.hosts.items()) if re.fullmatch(r"dns\d?", name)] or ["127.0.0.1"]
    return {"/etc/hosts": "\n".join(rows) + "\n", "/etc/resolv.conf": "".join(f"nameserver {one}\n" for one in asked)}
