"""谁与谁相连：一排主机，或任意的图。地址与路由都由这里算出来，环境的其余部分见 ``plan.py``。

每根网线是一个网段，第 i 段是 10.x.y.0/24（x.y 是 i 的两个字节）和 fd00:0:0:i::/64，两端依次是 .1 和 .2；接在同一台交换机上的
网线合成一个网段，按接上的次序从 .1 数起。接着两个以上网段的主机是路由器。路由取经过的主机最少的路，一样少就取先写的那根网线。
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import pairwise

__all__ = ["LONGEST", "Port", "Topology"]

LONGEST = 254  # 一条路上至多几个路由器：TTL 只有一个字节（RFC 791）
ROOM = 253  # 一台交换机上至多接几台主机：一个 /24


@dataclass(frozen=True)
class Port:
    """主机的一个网口：插着第 ``cable`` 根网线的第 ``side`` 端，在第 ``segment`` 个网段里排第 ``number``。"""

    cable: int
    side: int
    segment: int
    number: int

    @property
    def address(self) -> str:
        return f"10.{self.segment >> 8}.{self.segment & 255}.{self.number}"

    @property
    def address6(self) -> str:
        return str(ip_address(f"fd00:0:0:{self.segment:x}::{self.number:x}"))


@dataclass(frozen=True)
class Topology:
    """一个网络的形状。不成形状的抛 ``ValueError``，一句话说清。"""

    names: tuple[str, ...]
    cables: tuple[tuple[str, str], ...]
    switches: frozenset[str] = frozenset()
    ports: dict[str, tuple[Port, ...]] = field(init=False, compare=False)
    segments: int = field(init=False, compare=False)
    routers: dict[int, list[tuple[Port, str]]] = field(init=False, compare=False)
    farthest: int = field(init=False, compare=False)  # 从第一台主机到最远的网段，要经过几个路由器

    @classmethod
    def row(cls, names: Iterable[str]) -> Topology:
        """一排：相邻的两台之间一根网线，中间的都是路由器。"""
        names = tuple(names)
        return cls(names, tuple(pairwise(names)))

    @classmethod
    def graph(cls, names: Iterable[str], cables: Iterable[tuple[str, str]], switches: Iterable[str] = ()) -> Topology:
        """任意的图；没有先列出的主机，按在 ``cables`` 里出现的次序排。"""
        lines = tuple((str(a), str(b)) for a, b in cables)
        order = tuple(dict.fromkeys([*names, *(name for line in lines for name in line)]))
        return cls(order, lines, frozenset(switches))

    def __post_init__(self) -> None:
        for complaint in self._complaints():
            raise ValueError(complaint)
        object.__setattr__(self, "ports", self._number())
        object.__setattr__(self, "segments", 1 + max(port.segment for ports in self.ports.values() for port in ports))
        object.__setattr__(self, "routers", self._routers())
        self._reach()

    @property
    def hosts(self) -> list[str]:
        """主机，不算交换机。"""
        return [name for name in self.names if name not in self.switches]

    def _complaints(self) -> Iterable[str]:
        if len(self.hosts) < 2 or len(set(self.names)) < len(self.names):
            yield "网络至少要两台名字不同的主机。"
        for a, b in self.cables:
            if a == b:
                yield f"网线的两端都是 {a}；要接两台不同的主机。"
        for a, b in self.cables:
            if {a, b} <= self.switches:
                yield f"{a} 与 {b} 都是交换机；交换机之间还不能直接相连。"
        for name in self.switches - {end for cable in self.cables for end in cable}:
            yield f"交换机 {name} 上一根网线也没有。"
        for name in self.names:
            if not any(name in cable for cable in self.cables):
                yield f"主机 {name} 上一根网线也没有。"

    def _number(self) -> dict[str, tuple[Port, ...]]:
        """给每个网口编号：网段按先写的网线数，网段里按接上的次序数。"""
        group = self._groups()
        order = {root: number for number, root in enumerate(dict.fromkeys(group))}
        taken = [0] * len(order)
        ports: dict[str, list[Port]] = {name: [] for name in self.hosts}
        for cable, ends in enumerate(self.cables):
            segment = order[group[cable]]
            for side, name in enumerate(ends):
                if name not in self.switches:
                    taken[segment] += 1
                    ports[name].append(Port(cable, side, segment, taken[segment]))
        if max(taken) > ROOM:
            raise ValueError(f"一台交换机上至多接 {ROOM} 台主机，这里有 {max(taken)} 台。")
        return {name: tuple(found) for name, found in ports.items()}

    def _groups(self) -> list[int]:
        """每根网线属于哪一组：接在同一台交换机上的是一组，组以最先的那根网线的号码为名。"""
        group = list(range(len(self.cables)))
        changed = True
        while changed:
            changed = False
            for switch in self.switches:
                mine = [i for i, cable in enumerate(self.cables) if switch in cable]
                least = min(group[i] for i in mine)
                for i in mine:
                    changed, group[i] = changed or group[i] != least, least
        return group

    def interface(self, name: str, neighbour: str) -> str:
        """这台主机通向隔壁的那个网口的名字；没有这样的网线则抛 ``ValueError``。"""
        for number, port in enumerate(self.ports[name]):
            if self.cables[port.cable][1 - port.side] == neighbour:
                return f"eth{number}"
        around = "、".join(self.cables[port.cable][1 - port.side] for port in self.ports[name])
        raise ValueError(f"{name} 与 {neighbour} 之间没有网线；{name} 的隔壁是 {around}。")

    # ------------------------------------------------------------ 路由

    def routes(self, name: str) -> list[tuple[list[int], Port]]:
        """这台主机的路由：(去哪些网段，经哪个邻居的网口)，直连的不在内；空的是默认路由。

        只有一个网口、只有一个路由器可走的，一条默认路由就够。
        """
        ways, _ = self._ways(name)
        by_port: dict[Port, list[int]] = {}
        for segment, port in sorted(ways.items()):
            by_port.setdefault(port, []).append(segment)
        if len(self.ports[name]) == 1 and len(by_port) == 1:
            return [([], next(iter(by_port)))]
        return [(segments, port) for port, segments in by_port.items()]

    def forwards(self, name: str) -> bool:
        """它是不是路由器。"""
        return len({port.segment for port in self.ports[name]}) > 1


    def _ways(self, name: str) -> tuple[dict[int, Port], int]:
        """到每个不直连的网段，第一步经哪个邻居的网口（广度优先）；最远的要经过几个路由器。"""
        here = sorted({port.segment for port in self.ports[name]})
        ways: dict[int, Port] = {}
        waiting: deque[tuple[int, Port | None, int]] = deque((segment, None, 0) for segment in here)
        seen, steps = set(here), 0
        while waiting:
            segment, first, steps = waiting.popleft()
            for port, owner in self.routers.get(segment, []):
                for onward in self.ports[owner] if owner != name else ():
                    if onward.segment not in seen:
                        seen.add(onward.segment)
                        ways[onward.segment] = first or port
                        waiting.append((onward.segment, first or port, steps + 1))
        return ways, steps

    def _routers(self) -> dict[int, list[tuple[Port, str]]]:
        """每个网段上的路由器：(网口, 主机)，按接上的次序。"""
        found: dict[int, list[tuple[Port, str]]] = {}
        for name, ports in self.ports.items():
            for port in ports if self.forwards(name) else ():
                found.setdefault(port.segment, []).append((port, name))
        return {segment: sorted(ports, key=lambda pair: pair[0].number) for segment, ports in found.items()}

    def _reach(self) -> None:
        """人人相通，而且路不太长。"""
        first = self.hosts[0]
        ways, farthest = self._ways(first)
        object.__setattr__(self, "farthest", farthest)
        known = {port.segment for port in self.ports[first]} | ways.keys()
        if len(known) < self.segments:
            lost = next(name for name in self.hosts if not known & {port.segment for port in self.ports[name]})
            raise ValueError(f"{first} 与 {lost} 之间没有路；网络要连成一片。")
        if farthest > LONGEST:
            raise ValueError(f"一条路上至多 {LONGEST} 个路由器，TTL 只有一个字节；这里有 {farthest} 个。把主机接在交换机上。")
