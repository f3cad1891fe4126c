"""轨迹（Trace）：一次实验里发生过的一切，按时间排好。

工作原理
--------
实验只产出一种值：``Trace``。图、文字、pcap、交互实验、录制、测验答案和成绩都只读它，彼此不相识。

一条轨迹是四种事件的序列：

``Call``    程序做了什么：一次系统调用，参数、结果或 errno、开始与返回的时刻；
``Packet``  网线上过了什么：一个 IP 包，何时离开、何时到达，或者如何丢失；
``State``   内核怎么说：一个 TCP 端点此刻的状态，读自内核（TCP_INFO、sock_diag），从不推算；
``Action``  实验者动了什么：剪断网线、杀死进程。

时刻都是从实验开始算起的整数纳秒。端口、序号保留内核给的真值（字节视图和 pcap 要用），
相对序号另存一份；两次运行能否相比，由 ``canonical()`` 决定：它只留下协议承诺的东西。
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

__all__ = ["KINDS", "Action", "Cable", "Call", "Event", "Host", "Packet", "State", "Trace", "TraceError", "in_order"]

Fate = Literal["delivered", "lost", "dropped", "cut", "duplicate"]
Capture = Literal["cable", "loopback"]


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
    """一根网线：两端的主机名，和它的时延（纳秒；中途改过的，是最后的那个）。"""

    ends: list[str]
    delay: int = 0


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
    ``cut`` 断线时丢失、``duplicate`` 网线多送的一份。
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
        return self.flags in (["ACK"], ["SACK"]) and not self.length and "probe" not in self.note \
            and self.note != "keepalive"

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
class Action:
    """实验者的一个动作：``cut``、``join``（网线），``kill``、``reboot``（主机）……"""

    kind: ClassVar[str] = "action"
    t: int
    where: str
    name: str
    detail: str = ""


Event = Call | Packet | State | Action
KINDS: dict[str, type[Event]] = {cls.kind: cls for cls in (Call, Packet, State, Action)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """一次实验的全部事件，按时刻排序，外加它是在哪里、怎样得到的。

    ``capture`` 为 ``cable``（有抓包）或 ``loopback``（无抓包）；``recorded`` 为空表示刚刚发生，
    否则是录制的日期。``parameters`` 的值只会是字符串、整数、小数或布尔。
    ``settings`` 说它在怎样的内核参数下得到：``table`` 是哪一套（``live/settings.py``；``machine`` 为机器自己的），
    /proc/sys/net 下的名字是与那一套不同的、和全机器只有一份的值（空串：这个内核没有），前面带主机名的是实验自己改的；
    ``quickack``、``rto_min``（毫秒）是直连路由的属性。
    旧文件里没有，则为空；它不进规范形式。
    """

    title: str = ""
    experiment: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    capture: Capture = "cable"
    kernel: str = ""
    python: str = ""
    recorded: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    hosts: list[Host] = field(default_factory=list)
    cables: list[Cable] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def calls(self) -> list[Call]:
        return [e for e in self.events if isinstance(e, Call)]

    @property
    def packets(self) -> list[Packet]:
        return [e for e in self.events if isinstance(e, Packet)]

    @property
    def states(self) -> list[State]:
        return [e for e in self.events if isinstance(e, State)]

    @property
    def label(self) -> str:
        """读者正在看的是什么：``实时``、``实时（无抓包）`` 或 ``录制``。"""
        if self.recorded:
            return "录制"
        return "实时" if self.capture == "cable" else "实时（无抓包）"

    @property
    def duration(self) -> int:
        """从开始到最后一个事件，纳秒。"""
        return max((getattr(e, "end", None) or e.t for e in self.events), default=0)

    def host(self, name: str) -> Host:
        """名为 ``name`` 的主机；没有则 KeyError。"""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    def states_of(self, host: str) -> list[str]:
        """一台主机先后报告的状态名，监听端点除外。单连接的实验里，这就是那条连接的一生。"""
        return [s.state for s in self.states if s.host == host and s.state != "LISTEN"]

    def sent_by(self, host: str, *flags: str) -> list[Packet]:
        """某主机发出的、带有全部 ``flags`` 的包（``FIN``、``RST``……）。没有抓包的轨迹回答不了，抛 ``TraceError``。"""
        if self.capture != "cable":
            raise TraceError("这条轨迹没有抓包，网线上走过什么它不知道；这台机器缺什么、怎样补上，运行 sockscope machine 看。")
        return [p for p in self.packets if p.src == host and set(flags) <= set(p.flags)]

    @property
    def signatures(self) -> list[str]:
        """每个包的签名，加上 `` #k``：同一签名在同一根网线上第几次出现。次序同 ``packets``。"""
        seen: Counter[str] = Counter()
        marked = []
        for packet in self.packets:
            seen[packet.signature] += packet.fate != "duplicate"
            marked.append(f"{packet.signature} #{seen[packet.signature]}")
        return marked

    def canonical(self) -> list[str]:
        """规范形式：一行一件事，可以直接比较、直接读。"""
        from sockscope.trace.canonical import lines

        return list(lines(self))


def in_order(events: Iterable[Event]) -> list[Event]:
    """按开始时刻排序；同一时刻保持原来的次序。"""
    return sorted(events, key=lambda e: e.t)
