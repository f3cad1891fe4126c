"""一台主机的网络：在它自己的命名空间里写内核参数，造网口，给地址，加路由。只用 ioctl、netlink 和 /proc，不运行别的程序。

由主机工坊（``forge.py``）在主机的进程里调用，所以只用标准库。
"""

from __future__ import annotations

import _socket
import contextlib
import errno
import os
import socket
import struct
import time
from collections.abc import Iterable

from sockscope.live.pace import patience

with contextlib.suppress(ImportError):  # Windows 没有；那里造不出主机，但导入得了
    import fcntl

TUNSETIFF = 0x400454CA  # <linux/if_tun.h>
IFF_TUN, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x0002, 0x1000, 0x4000
TUNSETOFFLOAD = 0x400454D0
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891C  # <linux/sockios.h>
IFF_UP = 1  # <linux/if.h>
RTF_LOCAL = 0x80000000  # <linux/ipv6_route.h>
NETLINK_ROUTE = 0  # <linux/netlink.h>
NLM_F_NEW = 0x1 | 0x4 | 0x100 | 0x400  # REQUEST、ACK、REPLACE、CREATE
RTM_NEWROUTE, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_LINK = 24, 254, 4, 253  # <linux/rtnetlink.h>
RTN = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_METRICS = 1, 4, 5, 6, 8
RTAX = {"lock": 1, "rto_min": 13, "quickack": 15}
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33  # <asm-generic/socket.h>
SYSCTL, CONGESTION, PING_GROUPS = "/proc/sys/net/", "ipv4/tcp_congestion_control", "ipv4/ping_group_range"
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


RAW = _socket.socket  # 没有被谁换过的那一层


def is_tcp(sock: socket.socket) -> bool:
    return (sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
            and sock.proto in (0, socket.IPPROTO_TCP))


def choose_congestion(algorithm: str, sock: socket.socket | None = None) -> bool:
    """给一个 TCP 套接字（没有就造一个来试）这种拥塞控制；有 CAP_NET_ADMIN 的主机可以，内核没有它则不行。"""
    with contextlib.nullcontext(sock) if sock else socket.socket() as chosen, contextlib.suppress(OSError):
        chosen.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, algorithm.encode())
        return True
    return False


def default_buffers(sock: _socket.socket, size: int) -> None:
    """机器的 rmem_default、wmem_default 改过，就给套接字 ``size`` 字节的收发缓冲区；内核把设的数翻一番（socket(7)）。"""
    for option, force in ((socket.SO_RCVBUF, SO_RCVBUFFORCE), (socket.SO_SNDBUF, SO_SNDBUFFORCE)):
        for way in (option, force):  # 超过 rmem_max、wmem_max 的，root 还可以硬设
            with contextlib.suppress(OSError):
                if RAW.getsockopt(sock, socket.SOL_SOCKET, option) != size:  # 记录在案的套接字：不算程序的调用
                    RAW.setsockopt(sock, socket.SOL_SOCKET, way, size // 2)


# ---------------------------------------------------------------- 网口、地址与路由

def interface(name: str, addresses: list[tuple[str, int]], offload: int = 0) -> int:
    """开一个 TUN 网口，给它地址并启用，返回它在用户空间的那一端。``offload``：TUN_F_ 的各位（``offload.py``）。"""
    try:
        tun = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused("tun-open", error.errno or 0) from None
    try:
        kind = IFF_TUN | IFF_NO_PI | (IFF_VNET_HDR if offload else 0)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), kind))
        if offload:
            fcntl.ioctl(tun, TUNSETOFFLOAD, offload)
    except OSError as error:
        raise Refused("tun-create", error.errno or 0) from None
    for address, prefix in addresses:
        give_address(name, address, prefix)
    bring_up(name)
    return tun


def ethernet(name: str, address: str, prefix: int) -> int:
    """开一个以太网的网口（TAP）：线插着，同一段上没有别人。返回它在用户空间的那一端，谁也不读。"""
    tap = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    give_address(name, address, prefix)
    bring_up(name)
    return tap


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
        if (waited := time.monotonic() - start) > PATIENCE and waited > patience(PATIENCE):
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
