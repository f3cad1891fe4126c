"""真程序：实验要用的程序在不在，缺了怎样补上。"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from sockscope.live import Unavailable

__all__ = ["find_program", "require"]

PACKAGES = {"nc": "netcat-openbsd", "redis-cli": "redis-tools", "dnsmasq": "dnsmasq-base", "getent": "libc-bin",
            "ss": "iproute2", "nstat": "iproute2", "ip": "iproute2", "sysctl": "procps"}
PLACES = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # 普通用户的 PATH 里往往没有


def find_program(name: str) -> str:
    """一个程序的路径；没有则抛 ``Unavailable``，消息是一句话。"""
    require([name])
    return _which(name) or name


def require(names: Iterable[str]) -> None:
    """这些程序都在；缺了抛 ``Unavailable``。"""
    if lacking := [name for name in names if _which(name) is None]:
        packages = " ".join(PACKAGES.get(name, name) for name in lacking)
        remedy = f"补救：sudo apt install {packages}。" if _which("apt-get") else "装着它们的 Linux 上，看到的是现场。"
        raise Unavailable(f"这里没有 {'、'.join(lacking)}，放的是录制。{remedy}")


def _which(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES]))
