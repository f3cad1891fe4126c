"""主机工坊：每个 Python 内核只启动一次的小进程，替它分叉出一台台“主机”。

笔记本的内核进程有许多线程，既不能 ``fork`` 也不能 ``unshare(CLONE_NEWUSER)``，所以这两件事在这里做。
工坊只听一个 SEQPACKET 套接字；每台主机是它的一个子进程，拥有自己的网络命名空间，也只听一个
SEQPACKET 套接字。对端一关（哪怕是被 kill -9），recvmsg 返回空，主机和工坊随即退出，命名空间由内核收走：
不需要任何清扫。

消息是 JSON，描述符走 SCM_RIGHTS。直接运行：``python forge.py FD``，不经过包，启动因此快一些。
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
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

with contextlib.suppress(ImportError):  # Windows 没有；那里造不出主机，但导入得了
    import fcntl

CLONE_NEWUSER = 0x10000000  # <linux/sched.h>
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA  # <linux/if_tun.h>
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891C  # <linux/sockios.h>
IFF_UP = 1  # <linux/if.h>
RTF_LOCAL = 0x80000000  # <linux/ipv6_route.h>
NETLINK_ROUTE, NETLINK_SOCK_DIAG = 0, 4  # <linux/netlink.h>
NLM_F_NEW = 0x1 | 0x4 | 0x100 | 0x400  # REQUEST、ACK、REPLACE、CREATE
RTM_NEWROUTE, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_LINK = 24, 254, 4, 253  # <linux/rtnetlink.h>
RTN = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_METRICS = 1, 4, 5, 6, 8
RTAX = {"lock": 1, "rto_min": 13, "quickack": 15}
SO_SNDBUFFORCE, SO_RCVBUFFORCE, IPPROTO_SCTP = 32, 33, 132  # <asm-generic/socket.h>、<linux/in.h>
SYSCTL, CONGESTION, PING_GROUPS = "/proc/sys/net/", "ipv4/tcp_congestion_control", "ipv4/ping_group_range"
CAPABILITY_VERSION = 0x20080522  # <linux/capability.h>，第 3 版
MESSAGE = 65536
PATIENCE = 60.0  # 等内核备好一个地址的上限，秒：它要内核的锁，同时造、拆许多主机的机器上要排队
SOON = 0.002  # 通常这么快就好，秒；再久就隔 MOMENT 秒看一眼：一直占着处理器，内核的工作队列反而轮不上
MOMENT = 0.0005
DEVICE = os.environ.get("SOCKSCOPE_TUN", "/dev/net/tun")


class Refused(Exception):
    """命名空间造不出来：``stage`` 是哪一步，``errno`` 是内核给的原因。"""

    def __init__(self, stage: str, number: int) -> None:
        super().__init__(stage, number)
        self.stage, self.errno = stage, number


def receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """收一条消息和随行的描述符；对端已关闭则消息为 None。本进程的描述符用完了，收不下它们，抛 ``EMFILE``。"""
    data, ancillary, flags, _ = control.recvmsg(MESSAGE, socket.CMSG_SPACE(16 * 4), socket.MSG_CMSG_CLOEXEC)
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
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # 子进程由内核自行回收
    gc.freeze()
    gc.disable()  # 子进程活不长；回收一次，却要把与工坊共用的内存都抄一遍
    while True:
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
            run_host(socket.socket(fileno=fds[0]), message)
        for fd in fds:
            os.close(fd)


def run_host(control: socket.socket, plan: dict[str, Any]) -> NoReturn:
    """子进程：建好命名空间，然后应答请求，直到对端关闭。永不返回。"""
    try:
        HostServer(control, plan).serve()
    except BaseException as error:  # 子进程不能带着异常回到工坊的循环里
        refusal = error if isinstance(error, Refused) else Refused(repr(error), getattr(error, "errno", 0) or 0)
        with contextlib.suppress(OSError):
            send(control, {"error": refusal.errno, "stage": refusal.stage})
        os._exit(1)
    os._exit(0)


# ---------------------------------------------------------------- 主机

class HostServer:
    """一台主机：一个网络命名空间，几个网口，一张路由表，外加应答请求的循环。"""

    def __init__(self, control: socket.socket, plan: dict[str, Any]) -> None:
        self.control, self.buffer = control, plan["buffer"]
        self.children: dict[int, int | None] = {}  # pidfd → 写退出码的管道；没有人要退出码则为 None
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # 自己的子进程自己收，好知道它们的退出码
        enter_namespace()
        early, late = split(plan["sysctl"])
        refused = pin(early)
        bring_up("lo")
        fds = [interface(port["name"], port["addresses"]) for port in plan["interfaces"]]
        refused |= pin(late)  # 趁内核在备地址
        for port in plan["interfaces"]:
            direct_routes(**port)
        for route in plan["routes"]:
            give_route(**route)
        self.congestion = plan["sysctl"][CONGESTION] if CONGESTION in refused else ""
        if self.congestion and choose_congestion(self.congestion):
            refused["TCP_CONGESTION"] = self.congestion  # 缺省给不了，那就每个套接字出生时给
        fds.append(socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG).detach())
        # TUN 描述符留一份在这里：读者那边的 close() 因此很快，拆网口的几十毫秒由本进程退出时承担
        send(control, {"pid": os.getpid(), "refused": refused}, fds)

    def serve(self) -> None:
        requests: dict[str, Callable[..., list[int] | dict[str, Any] | None]] = {
            "socket": self.socket, "route": self.route, "sysctl": self.sysctl,
            "hold": self.hold, "spawn": self.spawn, "powerless": self.powerless,
        }
        while True:
            ready, _, _ = select.select([self.control.fileno(), *self.children], [], [])
            for child in set(ready) & self.children.keys():
                self.bury(child)
            if self.control.fileno() in ready:
                message, fds = receive(self.control)
                if message is None:
                    return
                self.answer(requests[message.pop("do")], message, fds)

    def answer(self, action: Callable[..., Any], message: dict[str, Any], fds: list[int]) -> None:
        reply, out = {}, []
        try:
            result = action(message, fds) if action in (self.hold, self.spawn, self.powerless) else action(message)
            out = result if isinstance(result, list) else []
            reply = result if isinstance(result, dict) else {}
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
        if is_tcp(sock):
            if self.congestion:
                choose_congestion(self.congestion, sock)
        elif self.buffer and sock.proto != IPPROTO_SCTP:
            default_buffers(sock, self.buffer)
        return [sock.detach()]

    def powerless(self, message: dict[str, Any], fds: list[int]) -> None:
        """放下全部权能再 bind() 或 connect()：看普通用户会遇到什么。"""
        address = message["address"]
        with powerless(), socket.socket(fileno=os.dup(fds[0])) as sock:
            getattr(sock, message["call"])(tuple(address) if isinstance(address, list) else address)

    def route(self, message: dict[str, Any]) -> None:
        """读者加的一条路由。"""
        give_route(**message)

    def sysctl(self, message: dict[str, Any]) -> dict[str, Any]:
        """读者改或问的一个参数。"""
        if "value" in message:
            set_value(message["name"], message["value"])
        return {"value": get_value(message["name"])}

    def hold(self, _message: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        """分叉出一个只拿着这些描述符、什么也不做的进程，直到它被杀死或本主机消失。"""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            self.control.close()
            for told in filter(None, self.children.values()):
                os.close(told)
            os.read(reader, 1)  # 主机活着就一直等；主机一死，写端关闭，这里也就醒来
            os._exit(0)
        os.close(reader)
        self.children[os.pidfd_open(pid)] = None
        return {"pid": pid}

    def spawn(self, message: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        """在本命名空间里运行一个程序。fds：标准输入、输出、错误，以及写退出码的管道。"""
        host = os.getpid()
        pid = os.fork()
        if pid == 0:
            die_with(host)
            execute(message["argv"], fds)
        self.children[os.pidfd_open(pid)] = os.dup(fds[3])
        return {"pid": pid}

    def bury(self, child: int) -> None:
        """一个子进程死了：收尸，把退出码告诉要知道的人。"""
        ended = os.waitid(os.P_PIDFD, child, os.WEXITED)
        assert ended is not None  # 只有 WNOHANG 才会空手而归
        os.close(child)
        told = self.children.pop(child)
        if told is not None:
            status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
            with contextlib.suppress(OSError):  # 没有人要听了
                os.write(told, str(status).encode())
            os.close(told)


# ---------------------------------------------------------------- 内核参数

def split(values: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """网口诞生之前要写好的（会抄给网口的），和其余的。"""
    early = {name: value for name, value in values.items() if "/conf/" in name}
    return early, {name: value for name, value in values.items() if name not in early}


def pin(values: dict[str, str]) -> dict[str, str]:
    """逐项写上；没写成的不是错误，返回它们真正的值。"""
    refused = {}
    for name, value in values.items():
        try:
            set_value(name, value)
        except OSError:
            refused[name] = get_value(name)
    if CONGESTION in refused:  # 只有机器自己在用的算法，命名空间才能拿来作缺省；reno 哪里都有
        with contextlib.suppress(OSError):
            set_value(CONGESTION, "reno")
            refused[CONGESTION] = get_value(CONGESTION)
    return refused


def set_value(name: str, value: str) -> None:
    """写 /proc/sys/net 下的一个值；没有这一项、值不对、不许写，抛内核给的 ``OSError``。"""
    fd = os.open(SYSCTL + name, os.O_WRONLY)
    try:
        os.write(fd, value.encode() or b"\n")
    except OSError:
        if not (name == PING_GROUPS and value == "1 0" and get_value(name)[:2] != "0 "):
            raise  # 用户命名空间里没有组 1，“谁也不许”写不进去；可新的命名空间生来就是谁也不许
    finally:
        os.close(fd)


def get_value(name: str) -> str:
    """读 /proc/sys/net 下的一个值；这个内核没有它，则为空串。"""
    try:
        fd = os.open(SYSCTL + name, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return " ".join(os.read(fd, MESSAGE).decode().split())
    except OSError:
        return ""
    finally:
        os.close(fd)


def is_tcp(sock: socket.socket) -> bool:
    return (sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
            and sock.proto in (0, socket.IPPROTO_TCP))


def choose_congestion(algorithm: str, sock: socket.socket | None = None) -> bool:
    """给一个 TCP 套接字（没有就造一个来试）这种拥塞控制；有 CAP_NET_ADMIN 的主机可以，内核没有它则不行。"""
    with contextlib.nullcontext(sock) if sock else socket.socket() as chosen, contextlib.suppress(OSError):
        chosen.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, algorithm.encode())
        return True
    return False


def default_buffers(sock: socket.socket, size: int) -> None:
    """机器的 rmem_default、wmem_default 改过，就给套接字 ``size`` 字节的收发缓冲区；内核把设的数翻一番（socket(7)）。"""
    for option, force in ((socket.SO_RCVBUF, SO_RCVBUFFORCE), (socket.SO_SNDBUF, SO_SNDBUFFORCE)):
        for way in (option, force):  # 超过 rmem_max、wmem_max 的，root 还可以硬设
            with contextlib.suppress(OSError):
                if socket.socket.getsockopt(sock, socket.SOL_SOCKET, option) != size:  # 记录在案的套接字：不算程序的调用
                    socket.socket.setsockopt(sock, socket.SOL_SOCKET, way, size // 2)


# ---------------------------------------------------------------- 网口、地址与路由

def interface(name: str, addresses: list[tuple[str, int]]) -> int:
    """开一个 TUN 网口，给它地址并启用，返回它在用户空间的那一端。"""
    try:
        tun = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused("tun-open", error.errno or 0) from None
    try:
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError as error:
        raise Refused("tun-create", error.errno or 0) from None
    for address, prefix in addresses:
        give_address(name, address, prefix)
    bring_up(name)
    return tun


def direct_routes(name: str, addresses: list[tuple[str, int]], metrics: dict[str, int] | None = None) -> None:
    """等网口的地址真的能用，再给直连路由属性 ``metrics``，如 quickack、rto_min（ip-route(8)）。"""
    for address, _ in addresses:
        if ":" in address:
            wait_for_address(address)
    for address, prefix in addresses if metrics else ():
        before = 1 if ":" in address else 0  # IPv6：排在内核自己那条（256）之前
        give_route(f"{address}/{prefix}", interface=name, priority=before, metrics=metrics)


def bring_up(name: str) -> None:
    """启用一个网口（netdevice(7)）。"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        flags, = struct.unpack_from("16xh", fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16s24x", name.encode())))
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", name.encode(), flags | IFF_UP))


def give_address(name: str, address: str, prefix: int) -> None:
    """给网口一个地址（netdevice(7)、ipv6(7)）。TUN 没有邻居，内核不会再去探测地址有没有重复。"""
    if ":" in address:
        request = socket.inet_pton(socket.AF_INET6, address) + struct.pack("Ii", prefix, socket.if_nametoindex(name))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, SIOCSIFADDR, request)
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for order, value in ((SIOCSIFADDR, packed(address)), (SIOCSIFNETMASK, subnet(b"\xff" * 4, prefix))):
            fcntl.ioctl(sock, order, struct.pack("16sHH4s16x", name.encode(), socket.AF_INET, 0, value))


def give_route(dst: str, kind: str = "unicast", gateway: str = "", interface: str = "", priority: int = 0,
               metrics: dict[str, int] | None = None) -> None:
    """加一条路由，已有同样的就换掉（rtnetlink(7) 的 RTM_NEWROUTE）。内核不肯则抛它给的 ``OSError``。

    ``kind``：unicast（要 ``gateway``，或直连的 ``interface``）、unreachable、prohibit、blackhole、throw。
    """
    address, _, prefix = dst.partition("/")
    target = packed(address)
    length = int(prefix) if prefix else 8 * len(target)
    fields = [(RTA_DST, subnet(target, length))]
    fields += [(RTA_GATEWAY, packed(gateway))] if gateway else []
    fields += [(RTA_OIF, u32(socket.if_nametoindex(interface)))] if interface else []
    fields += [(RTA_PRIORITY, u32(priority))] if priority else []
    fields += [(RTA_METRICS, attributes((RTAX[name], u32(value)) for name, value in metrics.items()))] if metrics else []
    family = socket.AF_INET if len(target) == 4 else socket.AF_INET6
    scope = RT_SCOPE_LINK if interface and family == socket.AF_INET else 0
    route = struct.pack("8BI", family, length, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN[kind], 0)
    body = route + attributes(fields)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as sock:
        sock.send(struct.pack("IHHII", 16 + len(body), RTM_NEWROUTE, NLM_F_NEW, 1, 0) + body)
        refused, = struct.unpack_from("16xi", sock.recv(MESSAGE))
    if refused:
        raise OSError(-refused, os.strerror(-refused))


def packed(address: str) -> bytes:
    """地址的字节，网络字节序。"""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def subnet(address: bytes, length: int) -> bytes:
    """只留地址的前 ``length`` 位。"""
    idle = 8 * len(address) - length
    return (int.from_bytes(address, "big") >> idle << idle).to_bytes(len(address), "big")


def attributes(fields: Iterable[tuple[int, bytes]]) -> bytes:
    """一串 netlink 属性（netlink(7)）：长度、种类、值，对齐到四个字节。"""
    return b"".join(struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4) for kind, value in fields)


def u32(value: int) -> bytes:
    return struct.pack("I", value)


def wait_for_address(address: str) -> None:
    """等一个 IPv6 地址真的能用：内核在它自己的工作队列里结束重复地址检测，装好本机路由，之前 bind() 会报 EADDRNOTAVAIL。"""
    wanted = socket.inet_pton(socket.AF_INET6, address).hex()
    start = time.monotonic()
    while not _is_local(wanted):
        if (waited := time.monotonic() - start) > PATIENCE:
            raise Refused("ipv6-address", errno.EADDRNOTAVAIL)
        time.sleep(0 if waited < SOON else MOMENT)


def _is_local(address: str) -> bool:
    """/proc/net/ipv6_route 里有没有到这个地址（32 个十六进制数字）的本机路由。"""
    fd = os.open("/proc/net/ipv6_route", os.O_RDONLY)
    try:
        rows = map(str.split, os.read(fd, MESSAGE).decode().splitlines())
        return any(row[:2] == [address, "80"] and int(row[8], 16) & RTF_LOCAL for row in rows)
    finally:
        os.close(fd)


def execute(argv: list[str], fds: list[int]) -> NoReturn:
    """换成要运行的程序；找不到它则退出码 127。信号恢复缺省，C 程序才会遇到真的 SIGPIPE。"""
    for name in (signal.SIGPIPE, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    for number, fd in enumerate(fds[:3]):
        os.dup2(fd, number)
    try:
        os.execvp(argv[0], argv)
    finally:
        os._exit(127)


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
        raise Refused("unshare", ctypes.get_errno())
    try:
        for name, text in (("uid_map", f"0 {uid} 1"), ("setgroups", "deny"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    except OSError as error:
        raise Refused("uid-map", error.errno or 0) from None


def die_with(parent: int) -> None:
    """让本进程随父进程一起消失（prctl(2) PR_SET_PDEATHSIG）；若它抢先一步已经死了，自己了断。"""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forge(socket.socket(fileno=int(sys.argv[1])))
