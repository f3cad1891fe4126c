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

规范形式（canonical form）
    * 时刻、端口号、序号的初值不进入比较；临时端口写成 ``p1``、``p2``……（按出现次序）。
    * 每个方向上的包各成一列，次序保留；纯 ACK 不算（它独自走还是搭数据的车，只是运气），
      保活探测算。丢失、多出、换位的 SYN、FIN、RST 或数据一定会让两份规范形式不同。
    * 多余的重传不算：那个段已经送到，确认也已经发出，只是定时器比忙着的机器早到一步。
      丢了段、丢了确认才有的重传照算。
    * 重传从哪个序号起，算；一次带多长，不算：内核把当时还没有确认的几段并作一段，有几段要看确认回得多快。
    * 同一个段接连几次重传都丢了，只算一次：来得及重传几次，要看 RTO，而 RTO 量自往返，机器一忙就长。
    * 内核可以推迟确认时（``settings`` 里 ``quickack`` 为 0），FIN_WAIT2 只是路过（对端的 FIN 紧跟着到，中间
      没有数据，或者轨迹到此为止）就不算：停不停这一站，只看对端的 ACK 是独自走还是搭 FIN 的车。停下来等、其间收到数据的照算。
    * 重传自成一列：它相对于别的连接的包何时上线，是两个定时器的事。IGMP 报告重复几次不算（RFC 3376 §4 的随机时间）。
    * 一次调用也没有记下的主机（上面跑的是另一个程序）的状态不算：只在包来往时看得见，一闪而过的看不全。
      对端的进程号也不算。
    * 每个线程的调用各成一列，每个端点的状态各成一列。列与列之间谁先谁后不比较：
      那是调度的运气，有因果关系的先后已经由状态序列记住了。
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import types
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

__all__ = [
    "Action", "Cable", "Call", "Event", "Host", "Packet", "State", "Trace", "TraceError",
    "compare", "dumps", "load", "loads", "save", "schema",
]

FORMAT = "sockscope/1"
PID = re.compile(r"\bpid=\d+")
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
KINDS: dict[str, type] = {cls.kind: cls for cls in (Call, Packet, State, Action)}


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
        return list(_canonical_lines(self))


# ---------------------------------------------------------------- 规范形式

def _canonical_lines(trace: Trace) -> Iterator[str]:
    ports = _PortNames(trace)
    columns: dict[str, list[str]] = {}
    lucky = {id(event) for event in (
        *_needless(trace), *_unwatched(trace), *(_passing(trace) if _may_delay(trace) else ()))}
    for event in trace.events:
        if id(event) in lucky:
            continue
        place, line = _canonical_event(event, ports)
        told = columns.get(place, [""])
        if line and not (_lost_again(event) and told[-1] == line) and not (_reported(event) and line in told):
            columns.setdefault(place, []).append(line)
    for place in sorted(columns):
        for line in columns[place]:
            yield f"{place}  {line}"


def _canonical_event(event: Event, ports: _PortNames) -> tuple[str, str]:
    match event:
        case Call():
            outcome = event.errno or event.result or ("" if event.end is not None else "阻塞")
            line = f"{event.host} {event.socket}.{event.name}({event.args}) → {outcome}"
            return f"调用 {event.thread}", ports.rename(PID.sub("pid=…", line))
        case Packet():
            if event.pure_ack:
                return "", ""
            fate = "" if event.fate == "delivered" else f" [{event.fate}]"
            note = f" {event.note}" if event.note in ("retransmission", "keepalive") else ""
            what = "+".join(f for f in event.flags if f not in ("ACK", "PSH", "SACK")) or event.info or "数据"
            again = event.protocol == "tcp" and event.note == "retransmission"
            data = f" {event.seq}{'' if again else f'+{event.length}'}" if event.length and event.seq is not None else ""
            body = f" {event.payload[:64]!r}" if event.length and event.protocol in ("tcp", "udp") and not again else ""
            ends = ports.rename(f"{event.source} → {event.target}")
            return (f"包 {event.cable} {event.src}→{event.dst}{' 重传' if note == ' retransmission' else ''}",
                    f"{ends} {event.protocol} {what}{data}{body}{note}{fate}")
        case State():
            return f"状态 {event.host} {ports.rename(event.local)} {ports.rename(event.peer)}", event.state
        case Action():
            return "动作", f"{event.where} {event.name} {event.detail}".rstrip()
    raise AssertionError(event)


def _reported(event: Event) -> bool:
    """IGMP 报告：内核在一段随机的时间以后自己再报一次（RFC 3376 §4），报第几次只是运气。"""
    return isinstance(event, Packet) and event.protocol == "igmp"


def _unwatched(trace: Trace) -> Iterator[State]:
    """一次调用也没有记下的主机（上面跑的是另一个程序）：状态只在包来往时看一眼，一闪而过的不一定看得见。"""
    calling = {call.host for call in trace.calls}
    return (state for state in trace.states if state.host not in calling)


def _lost_again(event: Event) -> bool:
    """又丢了的一次重传（SYN 除外：它的定时器不看往返时间）。"""
    return isinstance(event, Packet) and event.note == "retransmission" and event.end is None \
        and "SYN" not in event.flags


def _needless(trace: Trace) -> Iterator[Packet]:
    """多余的重传：同样的段先前已经送到，而且在这次重传到达之前，对端就发出了确认，确认也送到了。

    SYN+ACK 例外：监听的一方队列满时会不理送到的确认，再发一遍；确认还在路上时重发的，才是多余的。
    内核可以推迟确认时，搭车的确认与车一起丢了，也当它送到了：独自走，它本来会到。
    """
    luck = _may_delay(trace)
    flows: dict[tuple[int, str, str], list[Packet]] = {}
    for packet in trace.packets:
        if packet.protocol == "tcp" and packet.seq is not None:
            flows.setdefault((packet.cable, packet.source, packet.target), []).append(packet)
    for (cable, source, target), sent in flows.items():
        back = [p for p in flows.get((cable, target, source), [])
                if p.ack is not None and (p.end is not None or (luck and not p.pure_ack))]
        for again in (p for p in sent if p.note == "retransmission"):
            earlier = [p.end for p in sent if p.number < again.number and p.end is not None
                       and p.seq <= again.seq and _after(p) >= _after(again)]
            heard = [p for p in back if p.ack >= _after(again) and min(earlier, default=p.t + 1) <= p.t < (again.end or p.t + 1)]
            if any("SYN" not in again.flags or again.t < (p.end or 0) for p in heard):
                yield again


def _after(packet: Packet) -> int:
    """这个段之后的序号：SYN 与 FIN 各占一个。"""
    return packet.seq + packet.length + len({"SYN", "FIN"} & set(packet.flags))


def _may_delay(trace: Trace) -> bool:
    """内核可以推迟确认，让它搭数据或 FIN 的车。"""
    return trace.settings.get("quickack") == "0"


def _passing(trace: Trace) -> Iterator[State]:
    """只是路过的 FIN_WAIT2：同一端点接下来就是 TIME_WAIT，或者轨迹到此为止，其间没有数据到来。"""
    ends: dict[tuple[str, str, str], list[State]] = {}
    for state in trace.states:
        ends.setdefault((state.host, state.local, state.peer), []).append(state)
    for (_, local, _), states in ends.items():
        for state, after in itertools.pairwise([*states, None]):
            end = after.t if after else trace.duration
            if state.state == "FIN_WAIT2" and (after is None or after.state == "TIME_WAIT") and not any(
                    p.target == local and p.length and state.t < (p.end or 0) <= end for p in trace.packets):
                yield state


class _PortNames:
    """把临时端口换成 ``p1``、``p2``……：每台主机的地址各自按出现次序编号。"""

    FIRST = 32768  # net.ipv4.ip_local_port_range 的默认下限

    def __init__(self, trace: Trace) -> None:
        self.names: dict[int, str] = {}
        for event in trace.events:
            for end in (getattr(event, n, "") for n in ("source", "target", "local", "peer")):
                _, _, port = end.rpartition(":")
                if port.isdigit() and int(port) >= self.FIRST:
                    self.names.setdefault(int(port), f"p{len(self.names) + 1}")

    def rename(self, text: str) -> str:
        return re.sub(r"\b\d{5}\b", lambda m: self.names.get(int(m[0]), m[0]), text)


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


# ---------------------------------------------------------------- 文件

def dumps(trace: Trace) -> str:
    """轨迹的 JSON 文本。一个事件一行，等于默认值的字段省去，便于 ``git diff``。"""
    head = {"format": FORMAT, **_slim(trace)}
    head.pop("events", None)
    lines = ",\n".join("  " + _compact({"kind": e.kind, **_slim(e)}) for e in trace.events)
    return _compact(head)[:-1] + ',"events":[\n' + lines + "\n]}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _slim(item: Any) -> dict[str, Any]:
    whole = asdict(item)
    return {f.name: whole[f.name] for f in fields(item) if whole[f.name] != _default(f)}


def _default(f: Any) -> Any:
    return f.default if f.default_factory is MISSING else f.default_factory()


def loads(text: str | bytes, name: str = "轨迹") -> Trace:
    """读回 ``dumps`` 写下的文本。``name`` 用在错误消息里；不合格式则抛 ``TraceError``。"""
    return from_json(parse(text, name), name)


def parse(text: str | bytes, name: str) -> Any:
    """解析 JSON；不是 JSON 则抛 ``TraceError``，指出第几行第几列。"""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"第 {error.lineno} 行第 {error.colno} 列读不下去"
    except UnicodeDecodeError as error:
        where = f"第 {error.start + 1} 个字节起不是 UTF-8"
    except (ValueError, RecursionError):
        where = "数字太长或嵌套太深"
    raise TraceError(f"{name} 不是 JSON：{where}。请重新录制，或取回原来的文件。")


def from_json(value: Any, name: str = "轨迹") -> Trace:
    """由解析好的 JSON 值造出轨迹；不合格式则抛 ``TraceError``。"""
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        found = value.get("format") if isinstance(value, dict) else type(value).__name__
        raise TraceError(f"{name} 的 format 应为 {FORMAT!r}，实为 {found!r}。")
    rest = {k: v for k, v in value.items() if k not in ("format", "hosts", "cables", "events")}
    parts = {"hosts": Host, "cables": Cable}
    for key, cls in parts.items():
        rest[key] = [_build(cls, item, f"{name} 的 {key}[{i}]")
                     for i, item in enumerate(_list(value, key, name))]
    rest["events"] = [_event(item, f"{name} 的第 {i + 1} 个事件")
                      for i, item in enumerate(_list(value, "events", name))]
    return _build(Trace, rest, f"{name} ")


def _list(value: dict, key: str, name: str) -> list:
    found = value.get(key, [])
    if not isinstance(found, list):
        raise TraceError(f"{name} 的 {key} 应为列表，实为 {type(found).__name__}。")
    return found


def _event(item: Any, where: str) -> Event:
    if not isinstance(item, dict) or item.get("kind") not in list(KINDS):
        raise TraceError(f"{where}的 kind 应为 {'、'.join(KINDS)} 之一。")
    event = _build(KINDS[item["kind"]], {k: v for k, v in item.items() if k != "kind"}, where)
    for key in ("raw", "data"):
        if not _is_hex(getattr(event, key, "")):
            raise TraceError(f"{where}的 {key} 应为十六进制。")
    return event


def _is_hex(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) * 2 == len(text)
    except ValueError:
        return False


def _build(cls: type, item: Any, where: str) -> Any:
    if not isinstance(item, dict):
        raise TraceError(f"{where}应为对象，实为 {type(item).__name__}。")
    hints = _hints(cls)
    known = {f.name: f for f in fields(cls)}
    for key, value in item.items():
        if key not in known:
            raise TraceError(f"{where}有不认识的字段 {key!r}。")
        if not _fits(value, hints[key]):
            raise TraceError(f"{where}的 {key} 不能是 {value!r:.60}。")
    for key, f in known.items():
        if key not in item and f.default is MISSING and f.default_factory is MISSING:
            raise TraceError(f"{where}缺少字段 {key!r}。")
    return cls(**item)


_hints = functools.cache(get_type_hints)


def _fits(value: Any, hint: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin in (Union, types.UnionType):
        return any(_fits(value, a) for a in args)
    if origin is list:
        return isinstance(value, list) and all(_fits(v, args[0]) for v in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(v, args[1]) for v in value.values())
    if isinstance(hint, type):
        return isinstance(value, hint) and not (hint is int and isinstance(value, bool))
    return True


def save(trace: Trace, path: str | Path) -> None:
    """写成 JSON 文件（UTF-8）。"""
    Path(path).write_text(dumps(trace), encoding="utf-8")


def load(path: str | Path) -> Trace:
    """从文件读回轨迹。文件不存在抛 ``FileNotFoundError``，不合格式抛 ``TraceError``。"""
    return loads(Path(path).read_bytes(), name=str(path))


# ---------------------------------------------------------------- 公开的 JSON Schema

def schema() -> dict[str, Any]:
    """轨迹文件的 JSON Schema（draft 2020-12），由上面的类型生成，不另写一份。"""
    top = _object(Trace)
    top["properties"] = {"format": {"const": FORMAT}, **top["properties"]}
    top["required"] = ["format"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sockscope Trace", **top}


def _object(cls: type) -> dict[str, Any]:
    hints = _hints(cls)
    properties = {f.name: _json_type(hints[f.name]) for f in fields(cls)}
    required = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    if kind := getattr(cls, "kind", ""):
        properties, required = {"kind": {"const": kind}, **properties}, ["kind", *required]
    return {"type": "object", "description": (cls.__doc__ or "").split("\n")[0],
            "properties": properties, "required": required, "additionalProperties": False}


def _json_type(hint: Any) -> dict[str, Any]:
    names = {int: "integer", str: "string", bool: "boolean", type(None): "null"}
    if hint in names:
        return {"type": names[hint]}
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(args)}
    if is_dataclass(hint):
        return _object(hint)
    if origin in (Union, types.UnionType):
        return {"oneOf": [_json_type(a) for a in args]}
    if origin is list:
        return {"type": "array", "items": _json_type(args[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _json_type(args[1])}
    return {}


def in_order(events: Iterable[Event]) -> list[Event]:
    """按开始时刻排序；同一时刻保持原来的次序。"""
    return sorted(events, key=lambda e: e.t)
