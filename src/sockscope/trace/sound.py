"""读进来的轨迹画得出来吗：主机与网线对得上，时刻说得通，文字写得出。说不通的，一句话指出第几个事件的哪个字段。

类型已由 ``file`` 检查过；这里检查值。过了这一关，图、文字、pcap、规范形式和比较都不会出错。
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sockscope.trace.event import QUEUES, READY, Action, Call, Event, Packet, Queue, Ready, State, TraceError
from sockscope.trace.value import Trace

__all__ = ["check_values", "require_sound"]

LATEST = 10**18  # 纳秒，三十多年；再大的数多半是弄坏了
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 与 UTF-8 写不出的字
CABLE = re.compile(r"cable([0-9]{1,4})")


def check_values(value: Any, name: str) -> None:
    """整份 JSON 里的每个数、每段文字：数不能大得离谱，文字要写得出。"""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            rest += [*item, *item.values()]
        elif isinstance(item, list):
            rest += item
        elif isinstance(item, str) and (bad := UNWRITABLE.search(item)):
            raise TraceError(f"{name} 里有写不出的字 U+{ord(bad[0]):04X}。请重新录制，或取回原来的文件。")
        elif isinstance(item, int | float) and not -LATEST <= item <= LATEST:
            raise TraceError(f"{name} 里有大得离谱的数 {str(item)[:24]}。请重新录制，或取回原来的文件。")


def require_sound(trace: Trace, name: str) -> None:
    """说不通就抛 ``TraceError``。"""
    for complaint in _frame(trace):
        raise TraceError(f"{name} 的 {complaint}。")
    hosts = {host.name for host in trace.hosts}
    for number, event in enumerate(trace.events, 1):
        for complaint in (*_moment(event), *_CHECKS[type(event)](event, trace, hosts)):
            raise TraceError(f"{name} 的第 {number} 个事件的 {complaint}。")
    for number, (one, two) in enumerate(pairwise(trace.events), 2):
        if two.t < one.t:
            raise TraceError(f"{name} 的第 {number} 个事件的 t 比前一个早；事件应按时刻排好。")


def _frame(trace: Trace) -> Iterator[str]:
    names = [host.name for host in trace.hosts]
    if trace.events and not names:
        yield "hosts 是空的，事件没有地方画"
    if len(set(names)) < len(names):
        yield "hosts 里有两台同名的主机"
    for number, cable in enumerate(trace.cables):
        if len(cable.ends) != 2 or len(set(cable.ends) & set(names)) != 2:
            yield f"cables[{number}] 的 ends 应为 hosts 里的两台主机，实为 {'、'.join(cable.ends) or '空'}"
        if cable.delay < 0:
            yield f"cables[{number}] 的 delay 不能是负数"
        if cable.bandwidth < 0:
            yield f"cables[{number}] 的 bandwidth 不能是负数"


def _moment(event: Event) -> Iterator[str]:
    end = getattr(event, "end", None)
    if event.t < 0:
        yield f"t 不能是负数 {event.t}"
    if end is not None and end < event.t:
        yield f"end 不能比 t 早：{end}"


def _known(field: str, name: str, hosts: set[str]) -> Iterator[str]:
    if name not in hosts:
        yield f"{field} 是 {name!r:.40}，hosts 里没有这台主机"


def _counted(event: Event, *fields: str) -> Iterator[str]:
    yield from (f"{field} 不能是负数" for field in fields if (getattr(event, field) or 0) < 0)


def _ends(event: Event, *fields: str) -> Iterator[str]:
    """``10.0.0.1:7``、``[fd00::1]:7``，或只有地址。"""
    for field in fields:
        end = getattr(event, field)
        port = end.rpartition(":")[2]
        if (end.startswith("[") and "]" not in end) or (port.isdigit() and not re.fullmatch("[0-9]{1,39}", port)):
            yield f"{field} 不像地址：{end!r:.40}"


def _call(call: Call, _trace: Trace, hosts: set[str]) -> Iterator[str]:
    yield from _known("host", call.host, hosts)
    yield from _counted(call, "size")


def _packet(packet: Packet, trace: Trace, hosts: set[str]) -> Iterator[str]:
    if not 0 <= packet.cable < len(trace.cables):
        yield f"cable 是 {packet.cable}，而网线只有 {len(trace.cables)} 根"
    elif {packet.src, packet.dst} != set(trace.cables[packet.cable].ends):
        yield f"src、dst 是 {packet.src!r:.40}、{packet.dst!r:.40}，不是这根网线的两端"
    raw = bytes.fromhex(packet.raw)
    if not raw or len(raw) < {4: 20, 6: 40}.get(raw[0] >> 4, len(raw) + 1):
        yield "raw 不是一个 IP 包"
    if packet.length > len(raw):
        yield f"length 是 {packet.length}，比整个包还长"
    yield from _counted(packet, "number", "seq", "ack", "window", "length")
    yield from _ends(packet, "source", "target")


def _state(state: State, _trace: Trace, hosts: set[str]) -> Iterator[str]:
    yield from _known("host", state.host, hosts)
    yield from _counted(state, "receive_queue", "send_queue")
    yield from _ends(state, "local", "peer")
    if ":" not in state.local:
        yield f"local 没有端口：{state.local!r:.40}"


def _ready(ready: Ready, _trace: Trace, hosts: set[str]) -> Iterator[str]:
    yield from _known("host", ready.host, hosts)
    if strange := [name for name in ready.mask or [] if name not in READY]:
        yield f"mask 里的 {strange[0]!r:.40} 不是 {'、'.join(READY)} 之一"


def _queue(queue: Queue, _trace: Trace, hosts: set[str]) -> Iterator[str]:
    yield from _known("host", queue.host, hosts)
    if queue.queue not in QUEUES:
        yield f"queue 里的 {queue.queue!r:.40} 不是 {'、'.join(QUEUES)} 之一"
    if queue.size is not None:
        yield from _counted(queue, "size")


def _action(action: Action, trace: Trace, hosts: set[str]) -> Iterator[str]:
    cable = CABLE.fullmatch(action.where)
    if action.where not in hosts and not (cable and int(cable[1]) < len(trace.cables)):
        yield f"where 是 {action.where!r:.40}，既不是主机也不是网线"


_CHECKS: dict[type[Event], Any] = {Call: _call, Packet: _packet, State: _state, Ready: _ready, Queue: _queue, Action: _action}
