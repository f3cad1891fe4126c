"""轨迹里的六种事件：程序的一次调用、网线上的一个包、内核说的一个状态、一次就绪和一个队列、实验者的一个动作。"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

__all__ = ["KINDS", "QUEUES", "READY", "Action", "Cable", "Call", "Event", "Happening", "Host", "Packet", "Queue", "Ready",
           "State", "TraceError", "in_order"]

Fate = Literal["delivered", "lost", "dropped", "cut", "duplicate", "overflow"]


READY = ("IN", "PRI", "OUT", "RDHUP", "HUP", "ERR")  # poll(2) 的各个事件，去掉 POLL
QUEUES = ("receive", "send", "accept")  # 收到了还没有读走的字节，还没有被确认的字节，等着 accept 的连接
WRAP = 1 << 32  # 序号与确认号绕回


class TraceError(ValueError):
    """轨迹文件不合格式。消息是一句中文，指出第几个事件的哪个字段。"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """一台主机：名字、给人看的名字、它的地址（先 IPv4 后 IPv6）。"""

    name: str
    title: str
    addresses: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable:
    """一根网线：两端的主机名，它的时延（纳秒）和带宽（比特每秒，0 是没有限制）；中途改过的，是最后的那个。"""

    ends: list[str]
    delay: int = 0
    bandwidth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """一次系统调用。``end`` 为 None 表示它还阻塞着；``errno`` 是符号名，如 ``EPIPE``。

    ``socket`` 是套接字在本主机上的编号（``s1``、``s2``……，按诞生次序），``size`` 是搬动的字节数，
    ``data`` 是这些字节的十六进制（至多前 256 字节）。
    """

    kind: ClassVar[str] = "call"
    t: int
    end: int | None = None
    host: str
    thread: str
    socket: str = ""
    name: str
    args: str = ""
    result: str | None = None
    errno: str | None = None
    size: int | None = None
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """网线上的一个 IP 包。``t`` 是离开一端的时刻，``end`` 是到达另一端的时刻（没有到达则为 None）。

    ``fate``：``delivered`` 送达、``lost`` 被网线随机丢失、``dropped`` 被剪刀或规则丢弃、
    ``cut`` 断线时丢失、``duplicate`` 网线多送的一份、``overflow`` 网线的队列满了。
    ``seq``、``ack`` 相对于初始序号（RFC 9293 §3.4）；``window`` 已按窗口扩大选项换算，单位字节。
    ``note``：``retransmission``、``keepalive``、``window probe``、``zero window``、``window update`` 或空。
    ``info`` 是 ICMP 报文的名字，或分片的说明。
    """

    kind: ClassVar[str] = "packet"
    t: int
    end: int | None = None
    cable: int = 0
    number: int
    src: str
    dst: str
    fate: Fate = "delivered"
    protocol: str
    source: str
    target: str
    flags: list[str] = field(default_factory=list)
    seq: int | None = None
    ack: int | None = None
    window: int | None = None
    length: int = 0
    options: dict[str, str] = field(default_factory=dict)
    note: str = ""
    info: str = ""
    raw: str

    @property
    def payload(self) -> bytes:
        """最上层协议的数据。IP 包以它结尾，所以取末尾 ``length`` 个字节。"""
        return bytes.fromhex(self.raw)[-self.length:] if self.length else b""

    @property
    def pure_ack(self) -> bool:
        """只报告“收到了”的 TCP 段或 SCTP 包：没有数据，没有 SYN、FIN、RST，也不是探测。"""
        if self.length or "probe" in self.note or self.note == "keepalive":
            return False
        return [flag for flag in self.flags if flag not in ("ECE", "CWR")] in (["ACK"], ["SACK"])

    @property
    def sacks(self) -> list[range]:
        """SACK 选项里的各块（RFC 2018），与 ``ack`` 从同一处数起；``options`` 里的是线上的真值。"""
        edges = [int(n) for n in re.findall("[0-9]{1,10}", self.options.get("SAck", ""))]
        head = bytes.fromhex(self.raw[:240])
        told = head[(head[0] & 15) * 4 if head[0] >> 4 == 4 else 40:][8:12]
        if self.ack is None or len(told) < 4:
            return []
        start = int.from_bytes(told) - self.ack
        return [range((a - start) % WRAP, (b - start) % WRAP) for a, b in zip(edges[::2], edges[1::2], strict=False)]

    @property
    def extent(self) -> range:
        """这个 TCP 段占去的序号（RFC 9293 §3.4）：数据每字节一个，SYN 与 FIN 各一个。不知从哪里起的，则为空。"""
        if self.seq is None:
            return range(0)
        return range(self.seq, self.seq + self.length + len({"SYN", "FIN"} & set(self.flags)))

    @property
    def signature(self) -> str:
        """包的身份证：同一实验再跑一次，同一个包有同样的签名（时刻、端口、ACK 的运气不在其中）。"""
        what = "+".join(self.flags) or self.info or self.protocol.upper()
        place = f" {self.seq}+{self.length}" if self.seq is not None else f" {self.length}"
        return f"{self.src}>{self.dst} {what}{place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """内核所说的一个 TCP 端点的状态。``origin`` 说明读自哪里：``TCP_INFO`` 或 ``sock_diag``。

    ``local``、``peer`` 形如 ``10.0.0.1:40000``；``receive_queue``、``send_queue`` 是两个缓冲队列里的字节数。
    """

    kind: ClassVar[str] = "state"
    t: int
    host: str
    socket: str = ""
    local: str
    peer: str
    state: str
    origin: str
    receive_queue: int = 0
    send_queue: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """一个套接字的 poll(2) 掩码变了：``mask`` 是其中的事件（``READY`` 里的名字），空的是什么也没有准备好；关了则为 None。"""

    kind: ClassVar[str] = "ready"
    t: int
    host: str
    socket: str
    mask: list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """一个套接字的一个队列变了：``queue`` 是 ``QUEUES`` 之一，``size`` 是其中的字节数（``accept`` 是连接数）；关了则为 None。"""

    kind: ClassVar[str] = "queue"
    t: int
    host: str
    socket: str
    queue: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """实验者的一个动作：``cut``、``join``（网线），``kill``、``reboot``（主机）……"""

    kind: ClassVar[str] = "action"
    t: int
    where: str
    name: str
    detail: str = ""


Event = Call | Packet | State | Ready | Queue | Action
KINDS: dict[str, type[Event]] = {cls.kind: cls for cls in (Call, Packet, State, Ready, Queue, Action)}


class Happening(Protocol):
    """发生过的一切，照规范形式要看的样子；``Trace`` 就是它。"""

    @property
    def events(self) -> list[Event]: ...
    @property
    def settings(self) -> dict[str, str]: ...
    @property
    def calls(self) -> list[Call]: ...
    @property
    def packets(self) -> list[Packet]: ...
    @property
    def states(self) -> list[State]: ...
    @property
    def duration(self) -> int: ...


def in_order(events: Iterable[Event]) -> list[Event]:
    """按开始时刻排序；同一时刻保持原来的次序。"""
    return sorted(events, key=lambda e: e.t)
