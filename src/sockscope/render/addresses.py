"""地址的写法：``[fd00::1]:7`` 拆成地址与端口，同一个 IPv6 地址的几种写法归为一种。"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address

from sockscope.trace import Packet, State, Trace

__all__ = ["address_of", "normal", "shown"]


@lru_cache(maxsize=512)
def address_of(endpoint: str) -> str:
    """``10.0.0.1:7``、``[fd00::1]:7`` 或光是地址 → 归一后的地址。"""
    if endpoint.startswith("["):
        return normal(endpoint[1:endpoint.index("]")])
    return normal(endpoint.rsplit(":", 1)[0] if endpoint.count(":") == 1 else endpoint)


@lru_cache(maxsize=512)
def normal(address: str) -> str:
    """IPv6 地址的最短写法（RFC 5952）；不是地址就原样返回。"""
    try:
        return ip_address(address).compressed
    except ValueError:
        return address


def shown(trace: Trace) -> dict[str, str]:
    """每台主机在图上写哪个地址：用到的第一个；一个也没用到，就写它的第一个。"""
    used = {address_of(end) for e in trace.events if isinstance(e, Packet) for end in (e.source, e.target)}
    used |= {address_of(e.local) for e in trace.events if isinstance(e, State)}
    return {h.name: next((a for a in map(normal, h.addresses) if a in used), (h.addresses or [""])[0])
            for h in trace.hosts}
