"""OpenBSD 的 nc：别的 nc 同名，却没有 -N。"""

from __future__ import annotations

from sockscope.live import Network, Program, Unavailable

__all__ = ["nc"]


def nc(net: Network, *arguments: str) -> Program:
    """在 client 上运行它；这里的 nc 是别的一种，抛 ``Unavailable``。"""
    if b"-N\t" not in net.client.program("nc", "-h").communicate()[1]:
        raise Unavailable("这里的 nc 没有 -N，放的是录制。补救：换成 OpenBSD 的 nc（sudo apt install netcat-openbsd）。")
    return net.client.program("nc", *arguments, calls=True)
