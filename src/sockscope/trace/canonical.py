"""规范形式（canonical form）：一条轨迹里，协议承诺的那一部分。两次运行相不相同，比的就是它。

* 时刻、端口号、序号的初值不进入比较；临时端口写成 ``p1``、``p2``……（按出现次序）。
* 每个方向上的包各成一列，次序保留；纯 ACK 不算（它独自走还是搭数据的车，只是运气），
  保活探测算。丢失、多出、换位的 SYN、FIN、RST 或数据一定会让两份规范形式不同。
* 多余的重传不算：那个段已经送到，确认也已经发出，只是定时器比忙着的机器早到一步。
  丢了段、丢了确认才有的重传照算。
* 重传从哪个序号起，算；一次带多长、几块，不算：内核把当时还没有确认的几段并作一段，有几段要看确认回得多快。
* 同一个段接连几次重传都丢了，只算一次：来得及重传几次，要看 RTO，而 RTO 量自往返，机器一忙就长。
* 内核可以延迟确认时（``settings`` 里 ``quickack`` 为 0），FIN_WAIT2 只是路过（对端的 FIN 紧跟着到，中间
  没有数据，或者轨迹到此为止）就不算：停不停这一站，只看对端的 ACK 是独自走还是搭 FIN 的车。停下来等、其间收到数据的照算。
* 重传自成一列：它相对于别的连接的包何时上线，是两个定时器的事。
* IGMP 报告不算：内核过一瞬才报告，再过一段随机的时间重复（RFC 3376 §4），轨迹结束之前报了几次只是运气。
* 就绪不算：数据到了又立刻被读走，中间那一眼看不看得见，是两个线程谁先谁后。
* 一次调用也没有记下的主机（上面跑的是另一个程序）的状态不算：只在包来往时看得见，一闪而过的看不全。
  对端的进程号也不算。
* HTTP 的日期（RFC 9110 §5.6.7）、DNS 的查询号（RFC 1035 §4.1.1）不算。
* 跑的是别人的程序（``settings`` 里的 ``compares``）时，只比网线上的包：怎样调用，各个版本自有主张；一闪而过的状态也看不全。
  ``compares`` 为 ``packets``，包照上面的规矩比；为 ``kinds``，每次的字节和个数都不同（密文、挤满了的网线），只比每条连接
  有没有握手、两个方向各有没有数据、结束了没有，每根网线上有没有重传过、丢过数据。
* 每个线程的调用各成一列，每个端点的状态各成一列。列与列之间谁先谁后不比较：
  那是调度的运气，有因果关系的先后已经由状态序列记住了。
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from sockscope.trace.event import Action, Call, Event, Happening, Packet, Queue, Ready, State

__all__ = ["lines"]

PID = re.compile(r"\bpid=\d+")
DATE = re.compile(rb"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
DNS_PORT = ":53"


def lines(trace: Happening) -> Iterator[str]:
    if trace.settings.get("compares") == "kinds":
        yield from sorted(_kinds(trace))
        return
    ports = _PortNames(trace)
    columns: dict[str, list[str]] = {}
    lucky = {id(event) for event in (
        *_needless(trace), *_unwatched(trace), *(_passing(trace) if _may_delay(trace) else ()))}
    for event in _compared(trace):
        if id(event) in lucky:
            continue
        place, line = _line(event, ports)
        told = columns.get(place, [""])
        if line and not (_lost_again(event) and told[-1] == line):
            columns.setdefault(place, []).append(line)
    for place in sorted(columns):
        for line in columns[place]:
            yield f"{place}  {line}"


def _compared(trace: Happening) -> Iterable[Event]:
    """要比的事件：跑的是别人的程序，就只有包。"""
    return trace.packets if trace.settings.get("compares") else trace.events


def _kinds(trace: Happening) -> set[str]:
    """每条连接握过手没有、各个方向上有没有数据、结束了没有，每根网线上有没有重传过、丢过数据。"""
    ports, found, needless = _PortNames(trace), set(), {id(packet) for packet in _needless(trace)}
    for packet in trace.packets:
        place, ends = f"{packet.cable} {packet.src}→{packet.dst}", sorted([packet.source, packet.target])
        connection, flags = f"连接 {ports.rename(' 与 '.join(ends))} {packet.protocol}", {*packet.flags}
        found |= {f"{connection} {what}" for what, signs in (("握手", {"SYN"}), ("结束", {"FIN", "RST"})) if signs & flags}
        if packet.length:
            found.add(f"包 {place}  {ports.rename(f'{packet.source} → {packet.target}')} 数据")
            found |= {f"包 {packet.cable}  {what}" for what in (packet.note, packet.fate)
                      if what in ("retransmission", "overflow", "lost") and id(packet) not in needless}
    return found


def _body(packet: Packet) -> bytes:
    """数据的头 64 个字节，去掉每次都不同的。"""
    if packet.protocol == "udp" and f"{packet.source} {packet.target} ".count(f"{DNS_PORT} "):
        return packet.payload[2:66]
    return DATE.sub(b"...", packet.payload)[:64]


def _line(event: Event, ports: _PortNames) -> tuple[str, str]:
    match event:
        case Call():
            outcome = event.errno or event.result or ("" if event.end is not None else "阻塞")
            line = f"{event.host} {event.socket}.{event.name}({event.args}) → {outcome}"
            return f"调用 {event.thread}", ports.rename(PID.sub("pid=…", line))
        case Packet():
            if event.pure_ack or _reported(event):
                return "", ""
            fate = "" if event.fate == "delivered" else f" [{event.fate}]"
            note = f" {event.note}" if event.note in ("retransmission", "keepalive") else ""
            again = event.note == "retransmission"
            flags = (f for f in event.flags if f not in ("ACK", "PSH", "SACK"))
            what = "+".join(dict.fromkeys(flags) if again else flags) or event.info or "数据"
            data = f" {event.seq}{'' if again else f'+{event.length}'}" if event.length and event.seq is not None else ""
            body = f" {_body(event)!r}" if event.length and event.protocol in ("tcp", "udp") and not again else ""
            ends = ports.rename(f"{event.source} → {event.target}")
            return (f"包 {event.cable} {event.src}→{event.dst}{' 重传' if note == ' retransmission' else ''}",
                    f"{ends} {event.protocol} {what}{data}{body}{note}{fate}")
        case State():
            return f"状态 {event.host} {ports.rename(event.local)} {ports.rename(event.peer)}", event.state
        case Ready() | Queue():
            return "", ""
        case Action():
            return "动作", f"{event.where} {event.name} {event.detail}".rstrip()
    raise AssertionError(event)


def _reported(event: Event) -> bool:
    """IGMP 报告：内核自己在一段随机的时间以后报告（RFC 3376 §4），轨迹结束之前报了几次只是运气。"""
    return isinstance(event, Packet) and event.protocol == "igmp"


def _unwatched(trace: Happening) -> Iterator[State]:
    """一次调用也没有记下的主机（上面跑的是另一个程序）：状态只在包来往时看一眼，一闪而过的不一定看得见。"""
    calling = {call.host for call in trace.calls}
    return (state for state in trace.states if state.host not in calling)


def _lost_again(event: Event) -> bool:
    """又丢了的一次重传（SYN 除外：它的定时器不看往返时间）。"""
    return isinstance(event, Packet) and event.note == "retransmission" and event.end is None \
        and "SYN" not in event.flags


def _needless(trace: Happening) -> Iterator[Packet]:
    """多余的重传：同样的段先前已经送到，而且在这次重传到达之前，对端就发出了确认，确认也送到了；或者先前的那一份
    还没有送到，就又发了一遍（网线那头的进程停顿过；SYN 除外：同时打开时，SYN+ACK 正是在自己的 SYN 送到之前发出的）。

    SYN+ACK 例外：监听的一方队列满时会不理送到的确认，再发一遍；确认还在路上时重发的，才是多余的。
    内核可以延迟确认时，搭车的确认与车一起丢了，也当它送到了：独自走，它本来会到。
    """
    luck = _may_delay(trace)
    flows: dict[tuple[int, str, str], list[Packet]] = {}
    for packet in trace.packets:
        if packet.protocol == "tcp" and packet.seq is not None:
            flows.setdefault((packet.cable, packet.source, packet.target), []).append(packet)
    for (cable, source, target), sent in flows.items():
        again = [p for p in sent if p.note == "retransmission"]
        if not again:
            continue
        back = sorted(((p.t, p.ack, p.end or 0) for p in flows.get((cable, target, source), [])
                       if p.ack is not None and (p.end is not None or (luck and not p.pure_ack))), key=lambda b: b[0])
        copies = _Copies(sent)
        for packet in again:
            first = copies.first(packet)
            if first is not None and (("SYN" not in packet.flags and packet.t < first) or _heard(packet, first, back)):
                yield packet


def _heard(again: Packet, first: int, back: list[tuple[int, int, int]]) -> bool:
    """先前的那一份在 ``first`` 送到以后、这次重传到达之前，对端有没有发出确认。``back`` 是 (发出, 确认号, 到达)。"""
    stop = again.extent.stop
    for place in range(bisect_left(back, first, key=lambda b: b[0]), len(back)):
        t, ack, end = back[place]
        if again.end is not None and t >= again.end:
            return False
        if ack >= stop and ("SYN" not in again.flags or again.t < end):
            return True
    return False


class _Copies:
    """一个方向上送到了的段，按起点排好：一个段先前有没有送到过，只要看起点不比它早一个最长的段的那些。"""

    def __init__(self, sent: list[Packet]) -> None:
        self.sent = sorted((p.extent.start, p.number, p.extent.stop, p.end) for p in sent if p.end is not None)
        self.longest = max((stop - start for start, _, stop, _ in self.sent), default=0)

    def first(self, again: Packet) -> int | None:
        """它之前送到的、盖得住它的段里，最早到达的时刻。"""
        start, stop = again.extent.start, again.extent.stop
        near = self.sent[bisect_left(self.sent, (start - self.longest,)):bisect_left(self.sent, (start + 1,))]
        return min((end for _, number, covered, end in near if number < again.number and covered >= stop), default=None)


def _may_delay(trace: Happening) -> bool:
    """内核可以延迟确认，让它搭数据或 FIN 的车。"""
    return trace.settings.get("quickack") == "0"


def _passing(trace: Happening) -> Iterator[State]:
    """只是路过的 FIN_WAIT2：同一端点接下来就是 TIME_WAIT，或者轨迹到此为止，其间没有数据到来。"""
    ends: dict[tuple[str, str, str], list[State]] = {}
    for state in trace.states:
        ends.setdefault((state.host, state.local, state.peer), []).append(state)
    duration, fed = trace.duration, _fed(trace)
    for (_, local, _), states in ends.items():
        for state, after in zip(states, [*states[1:], None], strict=True):
            end, arrived = after.t if after else duration, fed.get(local, [])
            if state.state == "FIN_WAIT2" and (after is None or after.state == "TIME_WAIT") \
                    and bisect_right(arrived, state.t) == bisect_right(arrived, max(end, state.t)):
                yield state


def _fed(trace: Happening) -> dict[str, list[int]]:
    """每个端点收到数据的各个时刻，先后排好。"""
    found: dict[str, list[int]] = {}
    for packet in trace.packets:
        if packet.length and packet.end is not None:
            found.setdefault(packet.target, []).append(packet.end)
    return {target: sorted(ends) for target, ends in found.items()}


class _PortNames:
    """把临时端口换成 ``p1``、``p2``……：每台主机的地址各自按出现次序编号。"""

    FIRST = 32768  # net.ipv4.ip_local_port_range 的默认下限

    def __init__(self, trace: Happening) -> None:
        self.names: dict[int, str] = {}
        for event in trace.events:
            for end in (getattr(event, n, "") for n in ("source", "target", "local", "peer")):
                _, _, port = end.rpartition(":")
                if port.isdigit() and int(port) >= self.FIRST:
                    self.names.setdefault(int(port), f"p{len(self.names) + 1}")

    def rename(self, text: str) -> str:
        return re.sub(r"\b\d{5}\b", lambda m: self.names.get(int(m[0]), m[0]), text)
