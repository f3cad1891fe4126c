"""每台主机的网口、路由与内核参数：环境只在这一个地方定下来。"""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from itertools import zip_longest
from typing import TypeVar

from sockscope.live.namespace import Interface, Namespace, Route
from sockscope.live.settings import table
from sockscope.live.topology import Port, Topology

__all__ = ["Plan", "has_ipv6"]

RTO_MIN = 1 << 13  # RTAX_LOCK 里 RTAX_RTO_MIN 那一位（<linux/rtnetlink.h>）：不锁住，内核不理会它
Item = TypeVar("Item")
NEAR = 60  # 路由器多到这么多，生来的 TTL（64）就走不完了
FAR = {"ipv4/ip_default_ttl": "255", "ipv6/conf/all/hop_limit": "255"}
ROUTER = {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"}


@functools.cache
def has_ipv6() -> bool:
    """这台机器的内核有没有 IPv6（启动参数 ``ipv6.disable=1`` 关得掉它）；没有，主机就只有 IPv4 的地址。"""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


def metrics(quickack: bool, rto_min: float) -> dict[str, int]:
    """路由的属性：``quickack`` 叫内核不延迟确认（只给直连的）；``rto_min`` 是重传定时器的下限，秒，0 为内核缺省（0.2）。"""
    return ({"quickack": 1} if quickack else {}) | (
        {"rto_min": round(rto_min * 1000), "lock": RTO_MIN} if rto_min else {})


def interleaved(rows: list[list[Item]]) -> Iterator[Item]:
    """轮流取各行的第一个、第二个……"""
    return (item for items in zip_longest(*rows) for item in items if item is not None)


class Plan:
    """一台主机的网口、路由与内核参数。地址和路由怎样来，见 ``topology.py``；没有 IPv6 的机器上只有 IPv4 的。"""

    def __init__(self, topology: Topology, name: str, metrics: dict[str, int], settings: str = "stock",
                 offload: int = 0) -> None:
        chosen = table(settings)
        self.far = {name: value for name, value in metrics.items() if name != "quickack"}  # 经路由器的路由：只管定时器
        self.interfaces: list[Interface] = []
        self.routes: list[Route] = []
        self.sysctl, self.buffer = dict(chosen.values), chosen.buffer
        for number, port in enumerate(topology.ports[name]):
            both = [(port.address, 24), (port.address6, 64)]
            self.interfaces.append({"name": f"eth{number}", "metrics": metrics, "addresses": both[:1 + has_ipv6()],
                                    "offload": offload})
        if topology.forwards(name):
            self.sysctl |= ROUTER
        if topology.farthest > NEAR:
            self.sysctl |= FAR
        if not has_ipv6():
            self.sysctl = {name: value for name, value in self.sysctl.items() if not name.startswith("ipv6/")}
        for segments, port in topology.routes(name):
            self._via(segments, port)

    def _via(self, segments: list[int], port: Port) -> None:
        """经邻居的网口 ``port`` 去这些网段；空的是默认路由。相邻的网段并成一条。"""
        ways = [[(str(net), port.address) for net in collapse_addresses(
            [IPv4Network(f"10.{i >> 8}.{i & 255}.0/24") for i in segments] or [IPv4Network("0.0.0.0/0")])]]
        if has_ipv6():
            ways.append([(str(net), port.address6) for net in collapse_addresses(
                [IPv6Network(f"fd00:0:0:{i:x}::/64") for i in segments] or [IPv6Network("::/0")])])
        for dst, gateway in interleaved(ways):
            self.routes.append({"dst": dst, "gateway": gateway, "metrics": self.far})

    @property
    def addresses(self) -> list[str]:
        return [address for port in self.interfaces for address, _ in port["addresses"]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and vars(self) == vars(other)

    @classmethod
    def row(cls, count: int, quickack: bool, rto_min: float, settings: str = "stock", offload: int = 0) -> list[Plan]:
        """``count`` 台主机的一排。"""
        return cls.all(Topology.row(f"h{i}" for i in range(count)), quickack, rto_min, settings, offload)

    @classmethod
    def all(cls, topology: Topology, quickack: bool, rto_min: float, settings: str = "stock", offload: int = 0) -> list[Plan]:
        """这个形状的每一台主机，不算交换机。"""
        return [cls(topology, name, metrics(quickack, rto_min), settings, offload) for name in topology.hosts]

    def build(self) -> Namespace:
        return Namespace(self.interfaces, self.routes, self.sysctl, self.buffer)
