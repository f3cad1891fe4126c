"""轨迹（Trace）：一次实验里发生过的一切，按时间排好。

工作原理
--------
实验只产出一种值：``Trace``。图、文字、pcap、交互实验、录制、测验答案和成绩都只读它，彼此不相识。

一条轨迹是六种事件的序列：

``Call``    程序做了什么：一次系统调用，参数、结果或 errno、开始与返回的时刻；
``Packet``  网线上过了什么：一个 IP 包，何时离开、何时到达，或者如何丢失；
``State``   内核怎么说：一个 TCP 端点此刻的状态，读自内核（TCP_INFO、sock_diag），从不推算；
``Ready``   内核怎么说：一个套接字此刻的 poll(2) 掩码（要它才有）；
``Queue``   内核怎么说：一个套接字的一个队列里此刻有多少（要它才有）；
``Action``  实验者动了什么：剪断网线、杀死进程。

时刻都是从实验开始算起的整数纳秒。端口、序号保留内核给的真值（字节视图和 pcap 要用），
相对序号另存一份；两次运行能否相比，由 ``canonical()`` 决定：它只留下协议承诺的东西。
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from sockscope.trace.canonical import lines
from sockscope.trace.event import Cable, Call, Event, Host, Packet, Queue, Ready, State, TraceError

__all__ = ["Trace", "compare"]

Capture = Literal["cable", "loopback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """一次实验的全部事件，按时刻排序，外加它是在哪里、怎样得到的。

    ``capture`` 为 ``cable``（有抓包）或 ``loopback``（无抓包）；``recorded`` 为空表示刚刚发生，
    否则是录制的日期。``parameters`` 的值只会是字符串、整数、小数或布尔。
    ``settings`` 说它在怎样的内核参数下得到：``table`` 是哪一套（``live/settings.py``；``machine`` 为机器自己的），
    /proc/sys/net 下的名字是与那一套不同的、和全机器只有一份的值（空串：这个内核没有），前面带主机名的是实验自己改的；
    ``quickack``、``rto_min``（毫秒）是直连路由的属性；``compares`` 说跑的是别人的程序，规范形式只比包（``canonical.py``）。
    旧文件里没有，则为空；它们自己不进规范形式。
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
    def readiness(self) -> list[Ready]:
        return [e for e in self.events if isinstance(e, Ready)]

    @property
    def queues(self) -> list[Queue]:
        return [e for e in self.events if isinstance(e, Queue)]

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
        return list(lines(self))


def compare(one: Trace, two: Trace) -> str | None:
    """两条轨迹的规范形式相同则返回 None；否则用一句话指出第一处不同。"""
    left, right = one.canonical(), two.canonical()
    for a, b in zip(left, right, strict=False):
        if a != b:
            return _difference(a, b, left, right)
    if len(left) == len(right):
        return None
    longer, which = (left, "前者") if len(left) > len(right) else (right, "后者")
    return f"{which}多出一件事：{longer[min(len(left), len(right))]}"


def _difference(a: str, b: str, left: list[str], right: list[str]) -> str:
    if left.count(a) > right.count(a) and right.count(b) <= left.count(b):
        return f"前者有而后者没有：{a}"
    if right.count(b) > left.count(b) and left.count(a) <= right.count(a):
        return f"后者有而前者没有：{b}"
    return f"前者是「{a}」，后者是「{b}」"
