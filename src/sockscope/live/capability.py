"""这台机器能做什么、为什么不能、怎样补上。只试，不问“是不是 root”。"""

from __future__ import annotations

import errno
import functools
import os
import socket
import sys
from dataclasses import dataclass
from typing import Literal

from sockscope.live.namespace import NamespaceError
from sockscope.live.plan import Plan

__all__ = ["Capability", "NoDescriptors", "NoIPv6", "Unavailable", "capability", "explain", "forced", "machine"]

Level = Literal["cable", "loopback", "recording"]
LEVELS: dict[Level, str] = {"cable": "实时", "loopback": "实时（无抓包）", "recording": "录制"}


class Unavailable(RuntimeError):
    """这台机器做不了这件事。消息是一句中文：缺什么，怎样补上。"""


class NoIPv6(Unavailable, OSError):
    """内核没有 IPv6：它自己的回答（``EAFNOSUPPORT``），和一句补救。"""

    def __init__(self) -> None:
        OSError.__init__(self, errno.EAFNOSUPPORT, "这台机器的内核没有 IPv6。补救：去掉启动参数 ipv6.disable=1，再重启。")

    def __str__(self) -> str:
        return str(self.strerror)


class NoDescriptors(Unavailable, OSError):
    """描述符用完了：内核自己的回答（``EMFILE``），和一句补救。"""

    def __init__(self) -> None:
        OSError.__init__(self, errno.EMFILE, "".join(OUT_OF_DESCRIPTORS))

    def __str__(self) -> str:
        return str(self.strerror)


OUT_OF_DESCRIPTORS = ("本进程的描述符用完了。", "补救：用完的网络要关（写 with Network(...) as net:，或者最后 net.close()），"
                      "或者把上限调高（ulimit -n）。")


READ_ONLY = ("主机的内核参数一项也写不进去（/proc/sys 是只读的）：路由器不转发，结果可能与书上不同。",
             "补救：在容器里，加 --security-opt systempaths=unconfined，有 AppArmor 的机器再加 apparmor=unconfined。")


@dataclass(frozen=True)
class Capability:
    """``level``：``cable`` 有抓包、``loopback`` 无抓包、``recording`` 只能看录制。"""

    level: Level
    reason: str = ""
    remedy: str = ""

    @property
    def label(self) -> str:
        """给读者看的名字：实时 / 实时（无抓包） / 录制。"""
        return LEVELS[self.level]

    @property
    def sentence(self) -> str:
        """一句话：现在能看到什么；若不是最好，缺什么、怎样补上。"""
        return f"{self.label}。{self.reason}{self.remedy}"


def capability(force: str = "") -> Capability:
    """试着造一台主机，看能做到哪一步；结果记住，同一进程只试一次。

    ``force``（缺省取自环境变量 ``SOCKSCOPE_CAPTURE``）取 ``cable``、``loopback``、``recording`` 可以指定
    较低的一级（测试和演示用）；指定了 ``cable`` 而做不到，抛 ``Unavailable``；不认识的名字抛 ``ValueError``。
    """
    force = force or forced()
    if force and force not in LEVELS:
        raise ValueError(f"不认识的抓包方式 {force!r}；可选：{'、'.join(LEVELS)}。")
    if force == "loopback" or force == "recording":
        return Capability(force, "这是你指定的。")
    found = _probe()
    if force == "cable" and found.level != "cable":
        raise Unavailable(found.reason + found.remedy)
    return found


def forced() -> str:
    """读者（或测试）用环境变量 ``SOCKSCOPE_CAPTURE`` 指定的那一级；没有指定则为空串。只有这里读它。"""
    return os.environ.get("SOCKSCOPE_CAPTURE", "")


@functools.cache
def _probe() -> Capability:
    if sys.platform == "win32":  # 没有 poll()，shutdown() 也叫不醒等着的线程
        return Capability("recording", "Windows 的套接字不是 Linux 的。", "补救：在 WSL 2 里运行。")
    if sys.platform != "linux":
        name = {"darwin": "macOS"}.get(sys.platform, sys.platform)
        return _loopback(f"{name} 没有 Linux 的网络命名空间。", "要看到包，请在 Linux 的虚拟机里运行。")
    plan = Plan.row(2, False, 0.0)[0]  # 与真的网络一模一样的主机
    try:
        host = plan.build().ready()
    except NamespaceError as refusal:
        return _loopback(*explain(refusal))
    host.close()
    return Capability("cable", *(READ_ONLY if set(plan.sysctl) <= set(host.refused) else ()))


def explain(refusal: NamespaceError) -> tuple[str, str]:
    """卡在哪一步 → 原因和补救。"""
    name = errno.errorcode.get(refusal.errno or 0, str(refusal))
    if refusal.errno == errno.EMFILE:
        return OUT_OF_DESCRIPTORS
    if refusal.stage == "tun-open" and refusal.errno == errno.ENOENT:
        return ("没有 /dev/net/tun 设备。",
                "补救：sudo modprobe tun；在容器里启动时加 --device /dev/net/tun。")
    if refusal.stage == "tun-open":
        return (f"/dev/net/tun 打不开（{name}）。", "补救：sudo chmod 0666 /dev/net/tun。")
    if _apparmor_restricts():
        return ("AppArmor 不许普通用户在用户命名空间里拥有权限（Ubuntu 23.10 起的缺省）。",
                "补救：sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0。")
    if refusal.stage == "unshare" and refusal.errno in (errno.ENOSPC, errno.EUSERS):
        return ("用户命名空间的数目上限是 0。", "补救：sudo sysctl -w user.max_user_namespaces=15000。")
    if refusal.stage == "unshare" and _kernel_says("unprivileged_userns_clone", "0"):
        return ("这个内核不许普通用户新建用户命名空间。", "补救：sudo sysctl -w kernel.unprivileged_userns_clone=1。")
    if refusal.stage in ("unshare", "uid-map"):
        return (f"内核或容器不许新建网络命名空间（{name}）。",
                "补救：在容器里，叫 seccomp 放行 unshare 与 clone（Docker：--security-opt seccomp=unconfined），"
                "并加 --device /dev/net/tun；不需要 root，也不需要别的权能。")
    if refusal.stage in ("forge", "fork"):
        return (f"造主机的小进程启动不了（{name}）。", "补救：看看进程数、描述符数（ulimit -u、ulimit -n）和内存够不够。")
    return (f"造主机时卡在 {refusal.stage}（{name}）。", "补救：换一台普通的 Linux 再试。")


def _apparmor_restricts() -> bool:
    return _kernel_says("apparmor_restrict_unprivileged_userns", "1")


def _kernel_says(name: str, value: str) -> bool:
    """/proc/sys/kernel 里的 ``name`` 此刻是不是 ``value``；没有它则不是。"""
    try:
        with open(f"/proc/sys/kernel/{name}") as file:
            return file.read().strip() == value
    except OSError:
        return False


def _loopback(reason: str, remedy: str) -> Capability:
    try:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
    except OSError:
        return Capability("recording", reason + "环回地址也不能用。", remedy)
    return Capability("loopback", reason, remedy)


# ---------------------------------------------------------------- 序里的那张表

def machine() -> list[tuple[str, bool, str]]:
    """这台机器的能力表：每行 ``(能力, 有没有, 说明或补救)``，每一项都是刚刚试出来的。"""
    found = capability()
    rows = [
        ("自己的网络命名空间与网线（能抓包）", found.level == "cable", found.reason + found.remedy or "不需要 root"),
        ("环回地址上的套接字", found.level != "recording", "没有网线时退到这里"),
    ]
    rows += [_try_socket(*row) for row in (
        ("IPv6", "AF_INET6", "SOCK_STREAM", 0, "补救：去掉启动参数 ipv6.disable=1，再重启"),
        ("Unix 域套接字", "AF_UNIX", "SOCK_STREAM", 0, "换一台 Linux 或 macOS"),
        ("Unix 域顺序包", "AF_UNIX", "SOCK_SEQPACKET", 0, "换一台 Linux"),
        ("SCTP", "AF_INET", "SOCK_STREAM", 132, "补救：sudo modprobe sctp，或 sudo apt install libusrsctp2（用户态的）"),
        ("不进命名空间就用原始套接字", "AF_INET", "SOCK_RAW", 1, "不必补救：仪器的主机里就能用"),
    )]
    return rows


def _try_socket(title: str, family: str, kind: str, proto: int, remedy: str) -> tuple[str, bool, str]:
    call = f"socket({family}, {kind}, {proto})"
    if not (hasattr(socket, family) and hasattr(socket, kind)):
        return title, False, f"这个 Python 没有 {family} 或 {kind}。{remedy}"
    try:
        socket.socket(getattr(socket, family), getattr(socket, kind), proto).close()
    except OSError as error:
        return title, False, f"{call} → {errno.errorcode.get(error.errno or 0, error.errno)}。{remedy}"
    return title, True, call


def kernel() -> str:
    """内核的名字和版本，如 ``Linux 6.18.44``。"""
    name = os.uname() if hasattr(os, "uname") else None
    return f"{name.sysname} {name.release}" if name else sys.platform
