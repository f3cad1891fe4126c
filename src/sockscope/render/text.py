"""三轨图的文字形式：终端和对照测试用 ``render``，屏幕阅读器用 ``spoken``。

一行一件事，列对齐（汉字按两格）。等过的调用占两行：``●`` 是开始，``○`` 是返回；其余事件各一行。
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sockscope.render.analysis import details as packet_details
from sockscope.render.causes import causes
from sockscope.render.discards import DISCARDED, WHY, discarded
from sockscope.render.folds import Fold, folds
from sockscope.render.labels import (
    FATES,
    action_text,
    call_text,
    caption,
    duration_text,
    facts,
    outcome,
    places,
    prefix,
    queue_text,
    ready_text,
    shared_sockets,
)
from sockscope.render.measure import cells, pad
from sockscope.render.queues import NAMES
from sockscope.render.waits import Waits
from sockscope.trace import Action, Call, Event, Packet, Queue, Ready, State, Trace

__all__ = ["render", "spoken"]

CLOCK = 9  # 时刻列的格数
SILENCE = 20_000_000
LEGEND = "● 调用　○ 返回　▶ 送达　✕ 没有送达　[状态] 取自内核"
POLLED = "　{就绪} poll(2) 的掩码"
QUEUED = "　<队列> 里面有多少"


def render(trace: Trace, *, width: int = 100, details: bool = False) -> str:
    """轨迹 → 多行文字，每行不超过 ``width`` 格（至少 60）。

    ``details`` 为真则末尾另有一段，一个包一行：分析（重复的确认、快速重传……）、SACK 的块、ECN 与选项。
    """
    text = _Page(trace, max(width, 60)).text()
    return text + "\n" + "\n".join(_details(trace)) + "\n" if details else text


def _details(trace: Trace) -> Iterator[str]:
    """图上写不下的：``第 8 个包　duplicate ack　SACK 4:7　Timestamp (1, 2)``。"""
    for index, told in packet_details(trace).items():
        event = trace.events[index]
        assert isinstance(event, Packet)
        yield f"第 {event.number} 个包　" + "　".join(told)


def spoken(trace: Trace, why: dict[int, int] | None = None) -> str:
    """同样的内容，一行一句，没有制表符号：供屏幕阅读器朗读。``why`` 是已经找好的因果。"""
    why = causes(trace) if why is None else why
    titles = {h.name: h.title or h.name for h in trace.hosts}
    lines = [trace.title] if trace.title else []
    found = folds(trace)
    folded, thrown = {i for fold in found for i in fold.indices}, discarded(trace)
    for index, event in enumerate(trace.events):
        if index not in folded:
            lost = f"（{DISCARDED}）" * (index in thrown)
            lines.append(f"{duration_text(event.t)} {_sentence(event, titles)}{lost}{_because(trace, why.get(index))}")
    lines += [f"{duration_text(f.t)} 起折叠：{'；'.join(_fold_words(trace, f))}" for f in found]
    return "\n".join([*lines, "，".join(facts(trace))])


def _sentence(event: Event, titles: dict[str, str]) -> str:
    name = titles.get(getattr(event, "host", ""), getattr(event, "host", ""))
    match event:
        case Call():
            result = outcome(event).removeprefix("→ ")
            back = "还阻塞着" if event.end is None else f"{duration_text(event.end)} 返回 {result}".rstrip()
            return f"{name}调用 {call_text(event)}，{back}"
        case Packet():
            way = f"{titles.get(event.src, event.src)}发往{titles.get(event.dst, event.dst)}"
            fate = FATES.get(event.fate) or (f"{duration_text(event.end)} 到达" if event.end is not None else "还在路上")
            return f"{way} {caption(event).text} {caption(event).detail}".rstrip() + f"，{fate}"
        case State():
            return f"{name}状态 {event.state}"
        case Ready():
            return f"{name}的 {event.socket} {ready_text(event)}"
        case Queue():
            return f"{name}的 {event.socket} {NAMES[event.queue]}队列 {queue_text(event)}"
        case _:
            return f"动作：{titles.get(event.where, event.where)} {action_text(event)}"


def _because(trace: Trace, cause: int | None) -> str:
    event = trace.events[cause] if cause is not None else None
    return f"（由 {call_text(event)} 引出）" if isinstance(event, Call) else ""


def _fold_words(trace: Trace, fold: Fold) -> list[str]:
    return [w for c in range(len(trace.cables)) for w in fold.cable_words(c)] \
        + [f"{h.title} {w}" for h in trace.hosts for w in fold.call_words(h.name)]


@dataclass(slots=True)
class _Row:
    """一行：时刻，以及写在哪台主机、哪根网线那一列的字。"""

    t: int
    host: dict[str, str]
    net: dict[int, str]
    until: int = 0  # 折起来的一段到这时为止


class _Page:
    """排一页等宽文字：时刻 │ 左主机 │ 网线 │ …… │ 右主机。"""

    def __init__(self, trace: Trace, width: int) -> None:
        self.trace, self.width = trace, width
        self.names = [h.name for h in trace.hosts]
        self.shared = shared_sockets(trace)
        self.waits = Waits(trace)
        self.thrown = {id(trace.events[index]) for index in discarded(trace)}
        self.connected = {s.host for s in trace.states if s.peer}
        self.folds = folds(trace)
        self.folded = {i for fold in self.folds for i in fold.indices}
        nets = max(len(self.names) - 1, 0)
        bars = len(self.names)
        room = width - CLOCK - bars - 2
        self.side = max(18, min(34, (room - 26 * nets) // 2))
        self.net = max((room - 2 * self.side) // max(nets, 1), 12)

    def text(self) -> str:
        rows = sorted(self.rows(), key=lambda r: r.t)
        lines = [self.trace.title, ""] if self.trace.title else []
        legend = LEGEND + POLLED * bool(self.trace.readiness) + QUEUED * bool(self.trace.queues)
        lines += [self.head(), *self.body(rows), "", legend, " · ".join(facts(self.trace))]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def body(self, rows: list[_Row]) -> Iterator[str]:
        last, silence = rows[0].t if rows else 0, self.silence()
        for row in rows:
            if row.t - last > silence:
                yield " " * CLOCK + f" ⌇ 静默 {duration_text(row.t - last)}"
            last = max(last, row.t, row.until)
            yield self.line(row)

    def silence(self) -> int:
        flights = [p.end - p.t for p in self.trace.packets if p.end is not None]
        return max(SILENCE, 6 * (sorted(flights)[len(flights) // 2] if flights else 0))

    def head(self) -> str:
        address = places(self.trace)
        words = {h.name: f"{h.title or h.name} {address[h.name]}".strip() for h in self.trace.hosts}
        return self.line(_Row(0, words, {}), clock=" " * CLOCK, bar=" ")

    def line(self, row: _Row, clock: str = "", bar: str = "│") -> str:
        parts = [clock or pad(duration_text(row.t), CLOCK, "right"), " "]
        for place, name in enumerate(self.names):
            text = row.host.get(name, "")
            if not place:
                parts.append(pad(text + " " if text else "", self.side, "right") + bar)
            elif place == len(self.names) - 1:
                parts.append(bar + (" " + pad(text, self.side).rstrip() if text else ""))
            else:
                parts.append(bar)
            if place < len(self.names) - 1:
                parts.append(self.cell(row, place, text if place else ""))
        return "".join(parts)

    def cell(self, row: _Row, cable: int, beside: str) -> str:
        """网线列；中间主机的字写在它右边那根网线的列里。"""
        return pad(row.net.get(cable, "") or (f" {beside}" if beside else ""), self.net)

    # ------------------------------------------------------------ 每种事件一行

    def rows(self) -> Iterator[_Row]:
        for index, event in enumerate(self.trace.events):
            if index not in self.folded:
                yield from getattr(self, event.kind)(event)
        for fold in self.folds:
            yield from self.fold(fold)

    def call(self, call: Call) -> Iterator[_Row]:
        text = prefix(call, self.shared) + call_text(call)
        if not self.waits.waited(call):
            yield self.at(call.t, call.host, "●", f"{text} {outcome(call)}".rstrip())
            return
        yield self.at(call.t, call.host, "●", text + ("" if call.end is not None else " 阻塞中"))
        if call.end is not None:
            yield self.at(call.end, call.host, "○", f"{call.name} {outcome(call) or '→ 返回'}")

    def at(self, t: int, host: str, dot: str, text: str) -> _Row:
        first = host == self.names[0]
        room = self.side - 3
        text = pad(text, room).rstrip() if cells(text) > room else text
        return _Row(t, {host: f"{text} {dot}" if first else f"{dot} {text}"}, {})

    def state(self, state: State) -> Iterator[_Row]:
        if state.peer or state.host not in self.connected:
            yield _Row(state.t, {state.host: f"[{state.state}]"}, {})

    def ready(self, ready: Ready) -> Iterator[_Row]:
        if ready.mask is not None:
            yield _Row(ready.t, {ready.host: f"{{{ready.socket} {' '.join(ready.mask) or '-'}}}"}, {})

    def queue(self, queue: Queue) -> Iterator[_Row]:
        if queue.size is not None:
            yield _Row(queue.t, {queue.host: f"<{queue.socket} {NAMES[queue.queue]} {queue_text(queue)}>"}, {})

    def action(self, action: Action) -> Iterator[_Row]:
        text = f"◆ {action_text(action)}"
        if action.where in self.names:
            yield _Row(action.t, {action.where: text}, {})
        else:
            yield _Row(action.t, {}, {self.gap(int(action.where.removeprefix("cable"))): self.centre(text, "╌")})

    def packet(self, packet: Packet) -> Iterator[_Row]:
        places = sorted(map(self.names.index, (packet.src, packet.dst)))
        far = places[1] - places[0] > 1
        shaft = self.shaft(packet, self.names[places[0]] == packet.src, f"{packet.src}→{packet.dst} " if far else "")
        yield _Row(packet.t, {}, {places[0]: shaft})

    def fold(self, fold: Fold) -> Iterator[_Row]:
        stacks = {c: fold.cable_words(c) for c in range(len(self.trace.cables))}
        calls = {h: fold.call_words(h) for h in self.names}
        for k in range(max([1, *map(len, stacks.values()), *map(len, calls.values())])):
            yield _Row(fold.t, {h: f"… {w[k]}" for h, w in calls.items() if k < len(w)},
                       {self.gap(c): self.centre(f"… {w[k]} …", " ") for c, w in stacks.items() if k < len(w)}, fold.end)

    def gap(self, cable: int) -> int:
        """一根网线写在第几列：它靠左的那台主机的右边。"""
        return min(map(self.names.index, self.trace.cables[cable].ends))

    def centre(self, text: str, fill: str) -> str:
        room = self.net - cells(text) - 2
        return fill * (room // 2) + f" {text} " + fill * (room - room // 2)

    def shaft(self, packet: Packet, rightward: bool, way: str = "") -> str:
        """``─── SYN ─────────▶``；没有送达的停在三分之二处。``way``：隔着别的主机的，要说从哪里到哪里。"""
        words = caption(packet)
        if id(packet) in self.thrown:
            words = replace(words, fate=WHY)
        text = way + " ".join(filter(None, (words.text, words.fate, words.detail)))
        if cells(text) > self.net - 6:
            text = way + " ".join(filter(None, (words.text, words.fate)))
        dash = "─" if packet.note != "retransmission" else "╌"
        stopped = packet.end is None
        room = self.net - 2 - (self.net // 4 if stopped else 0)
        text = pad(text, room - 5).rstrip() if cells(text) > room - 5 else text
        tail = dash * max(room - cells(text) - 5, 0)
        tip = ("✕" if packet.fate != "delivered" else "…") if stopped else "▶" if rightward else "◀"
        line = f"{dash * 3} {text} {tail}{tip}" if rightward else f"{tip}{tail} {text} {dash * 3}"
        return pad(f" {line}" if rightward else line, self.net, "left" if rightward else "right") if rightward \
            else pad(line + " ", self.net, "right")
