"""这台机器能做什么、为什么不能、怎样补上。只试，不问“是不是 root”。"""

from __future__ import annotations

import errno
import functools
import os
import socket
import sys
from dataclasses import dataclass

from sockscope.live.namespace import Namespace, NamespaceError

__all__ = ["Capability", "Unavailable", "capability", "machine"]

LEVELS = {"cable": "实时", "loopback": "实时（无抓包）", "recording": "录制"}


class Unavailable(RuntimeError):
    """这台机器做不了这件事。消息是一句中文：缺什么，怎样补上。"""


@dataclass(frozen=True)
class Capability:
    """``level``：``cable`` 有抓包、``loopback`` 无抓包、``recording`` 只能看录制。"""

    level: str
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
    force = force or os.environ.get("SOCKSCOPE_CAPTURE", "")
    if force and force not in LEVELS:
        raise ValueError(f"不认识的抓包方式 {force!r}；可选：{'、'.join(LEVELS)}。")
    if force in ("loopback", "recording"):
        return Capability(force, "这是你指定的。")
    found = _probe()
    if force == "cable" and found.level != "cable":
        raise Unavailable(found.reason + found.remedy)
    return found


@functools.cache
def _probe() -> Capability:
    if sys.platform == "win32":  # 没有 poll()，shutdown() 也叫不醒等着的线程
        return Capability("recording", "Windows 的套接字不是 Linux 的。", "补救：在 WSL 2 里运行。")
    if sys.platform != "linux":
        name = {"darwin": "macOS"}.get(sys.platform, sys.platform)
        return _loopback(f"{name} 没有 Linux 的网络命名空间。", "要看到包，请在 Linux 的虚拟机里运行。")
    try:
        Namespace([{"name": "eth0", "addresses": [("10.0.0.1", 24)]}]).ready().close()
    except NamespaceError as refusal:
        return _loopback(*_explain(refusal))
    return Capability("cable")


def _explain(refusal: NamespaceError) -> tuple[str, str]:
    """卡在哪一步 → 原因和补救。"""
    name = errno.errorcode.get(refusal.errno or 0, str(refusal))
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
    if refusal.stage in ("unshare", "uid-map"):
        return (f"内核或容器不许新建网络命名空间（{name}）。",
                "补救：在普通的 Linux 上运行；"
                "Docker 里加 --cap-add NET_ADMIN --cap-add SYS_ADMIN --device /dev/net/tun。")
    return (f"造主机时卡在 {refusal.stage}（{name}）。", "补救：换一台普通的 Linux 再试。")


def _apparmor_restricts() -> bool:
    try:
        with open("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") as file:
            return file.read().strip() == "1"
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
        ("IPv6", "AF_INET6", "SOCK_STREAM", 0, "补救：sudo sysctl -w net.ipv6.conf.all.disable_ipv6=0"),
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
