"""交换机：一个包从一根网线进来，从该去的那一根出去；不知道该去哪里的、给大家的，从别的每一根都出去。

网口是 TUN，没有以太网的首部，所以它看的是 IP 的目的地址，谁在哪个口上是接上网线时就知道的：没有 ARP，也没有学习。
它不排队、不耽搁；时延、带宽、丢失都是网线的事。
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from sockscope.live.cable import Cable, End, Passage
from sockscope.live.offload import Burst

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockscope.live.wires import Wires

__all__ = ["Socket", "Switch"]


class Switch:
    """一台交换机。``socket()`` 是它的一个插口，接上网线以后 ``plug()``。"""

    def __init__(self, name: str, wires: Wires) -> None:
        self.name, self.wires = name, wires
        self.lines: list[tuple[Cable, int]] = []
        self.known: dict[bytes, tuple[Cable, int]] = {}

    def socket(self) -> Socket:
        return Socket(self)

    def plug(self, cable: Cable, side: int, addresses: Iterable[str]) -> None:
        """接上一根网线；``addresses`` 是那一头的主机的全部地址。"""
        self.lines.append((cable, side))
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self.known[socket.inet_pton(family, address)] = cable, side

    def forward(self, passage: Passage) -> None:
        """一个包到了：送上该去的网线。"""
        message: bytes | Burst = passage.burst if passage.whole and passage.burst else passage.raw
        raw = message.raw if isinstance(message, Burst) else message
        target = bytes(raw[16:20] if raw[0] >> 4 == 4 else raw[24:40])
        lines = [self.known[target]] if target in self.known else self.lines
        for cable, side in lines:
            if cable.number != passage.cable:
                self.wires.send(message, cable, side)


def _unseen(_raw: bytes, _arriving: bool) -> None:
    """交换机没有内核状态可看。"""


class Socket(End):
    """网线插在交换机上的那一端。"""

    def __init__(self, switch: Switch) -> None:
        super().__init__(switch.name, -1, _unseen)
        self.switch = switch

    def write(self, passage: Passage) -> None:
        self.switch.forward(passage)
