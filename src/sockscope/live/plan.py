"""一排主机的地址、路由与内核参数：环境只在这一个地方定下来。"""

from __future__ import annotations

import functools
import socket
from ipaddress import ip_address

from sockscope.live.namespace import Interface, Namespace, Route
from sockscope.live.settings import table

__all__ = ["Plan", "has_ipv6"]

RTO_MIN = 1 << 13  # RTAX_LOCK 里 RTAX_RTO_MIN 那一位（<linux/rtnetlink.h>）：不锁住，内核不理会它
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
    """路由的属性：``quickack`` 叫内核不推迟确认（只给直连的）；``rto_min`` 是重传定时器的下限，秒，0 为内核缺省（0.2）。"""
    return ({"quickack": 1} if quickack else {}) | (
        {"rto_min": round(rto_min * 1000), "lock": RTO_MIN} if rto_min else {})


class Plan:
    """一排 ``count`` 台主机中第 ``place`` 台的网口与路由。第 i 根网线是 10.0.i.0/24 和 fd00:0:0:i::/64（有 IPv6 的话）。"""

    def __init__(self, place: int, count: int, metrics: dict[str, int], settings: str = "stock",
                 offload: int = 0) -> None:
        chosen = table(settings)
        self.far = {name: value for name, value in metrics.items() if name != "quickack"}  # 经路由器的路由：只管定时器
        self.interfaces: list[Interface] = []
        self.routes: list[Route] = []
        self.sysctl, self.buffer = dict(chosen.values), chosen.buffer
        last = count - 1
        for cable, side in ((place - 1, 2), (place, 1)):
            if 0 <= cable < last:
                both = [(f"10.0.{cable}.{side}", 24), (str(ip_address(f"fd00:0:0:{cable}::{side}")), 64)]
                self.interfaces.append({"name": f"eth{len(self.interfaces)}", "metrics": metrics,
                                        "addresses": both[:1 + has_ipv6()], "offload": offload})
        if 0 < place < last:
            self.sysctl |= ROUTER
        if not has_ipv6():
            self.sysctl = {name: value for name, value in self.sysctl.items() if not name.startswith("ipv6/")}
        if count > 2 and place == 0:
            self._via("0.0.0.0/0", "::/0", 0, 2)
        elif count > 2 and place == last:
            self._via("0.0.0.0/0", "::/0", last - 1, 1)
        else:
            for other in (*range(place - 1), *range(place + 1, last)):
                nearer, side = (place - 1, 1) if other < place else (place, 2)
                self._via(f"10.0.{other}.0/24", f"fd00:0:0:{other}::/64", nearer, side)

    def _via(self, dst: str, dst6: str, cable: int, side: int) -> None:
        """经第 ``cable`` 根网线 ``side`` 那一端的邻居去 ``dst`` 和 ``dst6``。"""
        self.routes.append({"dst": dst, "gateway": f"10.0.{cable}.{side}", "metrics": self.far})
        if has_ipv6():
            self.routes.append({"dst": dst6, "gateway": f"fd00:0:0:{cable}::{side}", "metrics": self.far})

    @property
    def addresses(self) -> list[str]:
        return [address for port in self.interfaces for address, _ in port["addresses"]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and vars(self) == vars(other)

    @classmethod
    def row(cls, count: int, quickack: bool, rto_min: float, settings: str = "stock", offload: int = 0) -> list[Plan]:
        """``count`` 台主机的一排。"""
        return [cls(place, count, metrics(quickack, rto_min), settings, offload) for place in range(count)]

    def build(self) -> Namespace:
        return Namespace(self.interfaces, self.routes, self.sysctl, self.buffer)
