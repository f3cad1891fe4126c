"""主机工坊：每个 Python 内核只启动一次的小进程，替它分叉出一台台“主机”。

笔记本的内核进程有许多线程，既不能 ``fork`` 也不能 ``unshare(CLONE_NEWUSER)``，所以这两件事在这里做。
工坊只听一个 SEQPACKET 套接字；每台主机是它的一个子进程，拥有自己的网络命名空间，也只听一个
SEQPACKET 套接字。对端一关（哪怕是被 kill -9），recvmsg 返回空，主机和工坊随即退出，命名空间由内核收走：
不需要任何清扫。

消息是 JSON，描述符走 SCM_RIGHTS。``namespace.py`` 启动它时不经过包的 ``__init__``，只导入本模块、``netconf`` 和
``launch``，所以快；这三个模块因此只用标准库。
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import json
import os
import select
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from sockscope.live import launch, netconf

CLONE_NEWUSER = 0x10000000  # <linux/sched.h>
CLONE_NEWNET = 0x40000000
NETLINK_SOCK_DIAG = 4  # <linux/netlink.h>
IPPROTO_SCTP = 132  # <linux/in.h>
CAPABILITY_VERSION = 0x20080522  # <linux/capability.h>，第 3 版


def receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """收一条消息和随行的描述符；对端已关闭则消息为 None。本进程的描述符用完了，收不下它们，抛 ``EMFILE``。"""
    data, ancillary, flags, _ = control.recvmsg(netconf.MESSAGE, socket.CMSG_SPACE(16 * 4), socket.MSG_CMSG_CLOEXEC)
    fds = [fd for level, kind, body in ancillary if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
           for fd in struct.unpack(f"{len(body) // 4}i", body[:len(body) // 4 * 4])]
    if flags & socket.MSG_CTRUNC:
        for fd in fds:
            os.close(fd)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return (json.loads(data) if data else None), fds


def send(control: socket.socket, message: dict[str, Any], fds: list[int] | None = None) -> None:
    """发一条消息，可带描述符。"""
    socket.send_fds(control, [json.dumps(message).encode()], fds or [])


# ---------------------------------------------------------------- 工坊

def forge(control: socket.socket) -> None:
    """工坊的主循环：每收到一个描述符，就为它分叉出一台主机。"""
    hosts: set[int] = set()
    family = Family()
    gc.freeze()
    gc.disable()  # 子进程活不长；回收一次，却要把与工坊共用的内存都抄一遍
    while True:
        ready, _, _ = select.select([control.fileno(), family.bell], [], [])
        if family.bell in ready:
            hosts -= {ended.si_pid for ended in family.ended()}
            launch.end_all(hosts)  # 主机来不及收拾就死了：它的子孙到了这里，一个也不留
        if control.fileno() not in ready:
            continue
        message, fds = receive(control)
        if message is None:
            return
        try:
            child = os.fork()
        except OSError as error:  # 进程太多了：这一台造不了，工坊还在
            child = -1
            with socket.socket(fileno=os.dup(fds[0])) as asking:
                send(asking, {"error": error.errno, "stage": "fork"})
        if child == 0:
            control.close()
            family.leave()
            run_host(socket.socket(fileno=fds[0]), message)
        elif child > 0:
            hosts.add(child)
        for fd in fds:
            os.close(fd)


class Family:
    """自己的子孙：孤儿也归自己（``launch.stay_parent``）。有孩子死了，``bell`` 就可读。"""

    def __init__(self) -> None:
        launch.stay_parent()
        self.bell, self.rope = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # 要有人接，才会拉铃
        signal.set_wakeup_fd(self.rope, warn_on_full_buffer=False)

    def ended(self) -> list[os.waitid_result]:
        """死了的孩子，一个个收走。"""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.bell, 4096):
                pass
        found = []
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)) is not None:
                found.append(ended)
        return found

    def leave(self) -> None:
        """在 fork 出来的子进程里：铃是父进程的。"""
        signal.set_wakeup_fd(-1)
        os.close(self.bell)
        os.close(self.rope)


def run_host(control: socket.socket, plan: dict[str, Any]) -> NoReturn:
    """子进程：建好命名空间，然后应答请求，直到对端关闭。永不返回。"""
    try:
        HostServer(control, plan).serve()
    except BaseException as error:  # 子进程不能带着异常回到工坊的循环里
        refusal = error if isinstance(error, netconf.Refused) else netconf.Refused(repr(error), getattr(error, "errno", 0) or 0)
        with contextlib.suppress(OSError):
            send(control, {"error": refusal.errno, "stage": refusal.stage})
        os._exit(1)
    os._exit(0)


# ---------------------------------------------------------------- 主机

class HostServer:
    """一台主机：一个网络命名空间，几个网口，一张路由表，外加应答请求的循环。"""

    def __init__(self, control: socket.socket, plan: dict[str, Any]) -> None:
        self.control, self.buffer = control, plan["buffer"]
        self.idle: list[int] = []  # 没有插到哪里去的以太网口
        self.programs: dict[int, list[int]] = {}  # 进程号 → 写退出码的管道，和替它留着的描述符
        self.family = Family()
        enter_namespace()
        early, late = netconf.split(plan["sysctl"])
        refused = netconf.pin(early)
        netconf.bring_up("lo")
        fds = [netconf.interface(port["name"], port["addresses"], port["offload"]) for port in plan["interfaces"]]
        refused |= netconf.pin(late)  # 趁内核在备地址
        for port in plan["interfaces"]:
            netconf.direct_routes(port["name"], port["addresses"], port["metrics"])
        for route in plan["routes"]:
            netconf.give_route(**route)
        self.congestion = plan["sysctl"][netconf.CONGESTION] if netconf.CONGESTION in refused else ""
        if self.congestion and netconf.choose_congestion(self.congestion):
            refused["TCP_CONGESTION"] = self.congestion  # 缺省给不了，那就每个套接字出生时给
        fds.append(socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG).detach())
        # TUN 描述符留一份在这里：读者那边的 close() 因此很快，拆网口的几十毫秒由本进程退出时承担
        send(control, {"pid": os.getpid(), "refused": refused}, fds)

    def serve(self) -> None:
        requests: dict[str, Callable[..., Any]] = {
            "socket": self.socket, "route": self.route, "sysctl": self.sysctl,
            "masquerade": self.masquerade, "firewall": self.firewall, "ethernet": self.ethernet,
            "hold": self.hold, "spawn": self.spawn, "powerless": self.powerless, "end": self.end,
        }
        try:
            while True:
                ready, _, _ = select.select([self.control.fileno(), self.family.bell], [], [])
                if self.family.bell in ready:
                    self.bury()
                if self.control.fileno() in ready:
                    message, fds = receive(self.control)
                    if message is None:
                        return
                    self.answer(requests[message.pop("do")], message, fds)
        finally:
            launch.end_all()

    def answer(self, action: Callable[..., Any], message: dict[str, Any], fds: list[int]) -> None:
        reply, out = {}, []
        try:
            result = action(message, fds) if action in (self.hold, self.spawn, self.powerless) else action(message)
            reply, out = result if isinstance(result, tuple) else (
                ({}, result) if isinstance(result, list) else (result or {}, []))
        except Exception as error:
            number = getattr(error, "errno", None) or getattr(error, "code", None) or errno.EIO
            reply = {"error": number, "stage": str(error)}
        for fd in fds:  # 先放下再回话：对方收到回话时，交来的套接字只有新进程拿着
            os.close(fd)
        send(self.control, reply, out)
        for fd in out:
            os.close(fd)
        if out:  # 报告这里的副本也放下了：否则对方的 close() 不是最后一个，FIN 要等本进程被调度到才发出
            send(self.control, {})

    def socket(self, message: dict[str, Any]) -> list[int]:
        """在本命名空间里新建套接字：它一生都属于这里，无论谁拿着描述符。"""
        with powerless() if message["powerless"] else contextlib.nullcontext():
            sock = socket.socket(message["family"], message["type"], message["proto"])
        if netconf.is_tcp(sock):
            if self.congestion:
                netconf.choose_congestion(self.congestion, sock)
        elif self.buffer and sock.proto != IPPROTO_SCTP:
            netconf.default_buffers(sock, self.buffer)
        return [sock.detach()]

    def powerless(self, message: dict[str, Any], fds: list[int]) -> None:
        """放下全部权能再 bind() 或 connect()：看普通用户会遇到什么。"""
        address = message["address"]
        with powerless(), socket.socket(fileno=os.dup(fds[0])) as sock:
            getattr(sock, message["call"])(tuple(address) if isinstance(address, list) else address)

    def route(self, message: dict[str, Any]) -> None:
        """读者加的一条路由。"""
        netconf.give_route(**message)

    def masquerade(self, request: dict[str, Any]) -> None:
        from sockscope.live.netfilter import masquerade
        masquerade(request["interface"], request["ports"])

    def firewall(self, request: dict[str, Any]) -> None:
        from sockscope.live.netfilter import firewall
        firewall(request["interface"], request["reply"])

    def ethernet(self, request: dict[str, Any]) -> None:
        self.idle.append(netconf.ethernet(request["name"], request["address"], request["prefix"]))

    def sysctl(self, message: dict[str, Any]) -> dict[str, Any]:
        """读者改或问的一个参数。"""
        if "value" in message:
            netconf.set_value(message["name"], message["value"])
        return {"value": netconf.get_value(message["name"])}

    def hold(self, _message: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        """分叉出一个只拿着这些描述符、什么也不做的进程，直到它被杀死或本主机消失。"""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            self.stand_alone()
            os.read(reader, 1)  # 主机活着就一直等；主机一死，写端关闭，这里也就醒来
            os._exit(0)
        os.close(reader)
        return {"pid": pid}

    def spawn(self, message: dict[str, Any], fds: list[int]) -> tuple[dict[str, Any], list[int]]:
        """在本命名空间里运行一个程序，答进程号和它的 pidfd；运行不了，答卡在哪一步、errno。

        fds：标准输入、输出、错误，写退出码的管道，装着 ``launch.become`` 要的单子的文件；要记下系统调用的，还有记在哪里的文件。
        """
        with open(os.dup(fds[4]), encoding="utf-8") as file:
            recipe = json.load(file)
        host, (reader, writer) = os.getpid(), os.pipe()
        kept = [os.dup(fd) for fd in (fds[3], *fds[5:])]
        if recipe["tracer"]:  # 由 strace 自己打开，程序手里因此没有它
            recipe["tracer"] += ["-o", f"/proc/{host}/fd/{kept[1]}", "--"]
        pid = os.fork()
        if pid == 0:
            launch.die_with(host)
            launch.become(recipe, fds, writer)
        os.close(writer)
        with open(reader) as file:
            refused = file.read().split()
        if refused:
            for fd in kept:
                os.close(fd)
            return {"refused": [refused[0], int(refused[1])]}, []
        self.programs[pid] = kept
        return {"pid": pid}, [os.pidfd_open(pid)]

    def end(self, _message: dict[str, Any]) -> None:
        """断电：上面的进程都没有了。"""
        self.bury()
        launch.end_all()
        for pid in list(self.programs):
            self.tell(pid, -signal.SIGKILL)

    def stand_alone(self) -> None:
        """在 fork 出来、不再换成别的程序的子进程里：放下主机的描述符。"""
        self.control.close()
        self.family.leave()
        for fd in (*self.idle, *(fd for kept in self.programs.values() for fd in kept)):
            os.close(fd)

    def bury(self) -> None:
        """有孩子死了：收尸，把退出码告诉要知道的人。"""
        for ended in self.family.ended():
            self.tell(ended.si_pid, ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)

    def tell(self, pid: int, status: int) -> None:
        """一个程序结束了：写下退出码，放下替它留着的描述符。"""
        kept = self.programs.pop(pid, [])
        with contextlib.suppress(OSError):  # 没有人要听了
            for told in kept[:1]:
                os.write(told, str(status).encode())
        for fd in kept:
            os.close(fd)


# ---------------------------------------------------------------- 进程

@contextlib.contextmanager
def powerless() -> Iterator[None]:
    """暂时放下全部有效权能，出来时再拿起来（capset(2)；许可集不动，所以拿得回来）。"""
    libc = ctypes.CDLL(None)
    header, kept = struct.pack("Ii", CAPABILITY_VERSION, 0), ctypes.create_string_buffer(24)
    libc.capget(header, kept)
    sets = struct.unpack("6I", kept.raw)  # 两组（低 32 位、高 32 位）：有效、许可、可继承
    libc.capset(header, struct.pack("6I", 0, *sets[1:3], 0, *sets[4:]))
    try:
        yield
    finally:
        libc.capset(header, kept)


def enter_namespace() -> None:
    """进入新的网络命名空间。先直接试，不许再先进用户命名空间：看能做什么，不看是谁。"""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) == 0:
        return
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise netconf.Refused("unshare", ctypes.get_errno())
    try:
        for name, text in (("uid_map", f"0 {uid} 1"), ("setgroups", "deny"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    except OSError as error:
        raise netconf.Refused("uid-map", error.errno or 0) from None


def main(control: int) -> None:
    """工坊进程的入口：``control`` 是它听的那个套接字的描述符。"""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forge(socket.socket(fileno=control))
