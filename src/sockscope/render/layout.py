"""排版：``layout(trace, metrics)`` 把轨迹变成一张摆好的图（``Figure``）。

先量每台主机的调用要多宽，分好纵列；再把所有要落脚的时刻交给时间轴，定下高度；最后落笔，让箭头上的字各找空处。
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from sockscope.render import queues
from sockscope.render.causes import causes
from sockscope.render.columns import NARROW, Metrics, Side, call_room, columns
from sockscope.render.declutter import declutter, stacked
from sockscope.render.discards import discarded
from sockscope.render.figure import Band, Bar, CallMark, Figure, Fill, Label, Mark, Poll
from sockscope.render.flights import Flights, alike, flight
from sockscope.render.folds import Fold, folds
from sockscope.render.heads import heads, untouched
from sockscope.render.labels import (
    action_text,
    call_text,
    duration_text,
    is_error,
    outcome,
    packet_kind,
    prefix,
    shared_sockets,
    took_all,
    wrap,
)
from sockscope.render.lanes import Lane, Span, lanes
from sockscope.render.measure import cut, width
from sockscope.render.rooms import strands
from sockscope.render.ticks import outages, ticks
from sockscope.render.timeline import Anchor, Break, Ruler, rule
from sockscope.render.tracks import plot, tracks, widths
from sockscope.render.waits import Waits
from sockscope.trace import Action, Call, Packet, Queue, Ready, State, Trace

__all__ = ["layout"]

ALIKE = 8  # 一连几支一模一样的箭头，彼此隔这么远


def layout(trace: Trace, metrics: Metrics, why: dict[int, int] | None = None,
           details: dict[int, list[str]] | None = None) -> Figure:
    """摆好一条轨迹。``why`` 是已经找好的因果；``details`` 是哪个包的箭头上还要写什么。"""
    return _Typesetter(trace, metrics, causes(trace) if why is None else why, details or {}).figure()


class _Typesetter:
    """排一张图：先量宽，再定高，最后落笔。"""

    def __init__(self, trace: Trace, metrics: Metrics, why: dict[int, int], details: dict[int, list[str]]) -> None:
        self.trace, self.m, self.why, self.details = trace, metrics, why, details
        self.narrow = metrics is NARROW
        self.folds = folds(trace)
        self.folded = {i for fold in self.folds for i in fold.indices}
        self.lanes = lanes(trace, self.folded)
        self.strands = strands(trace, self.folded)
        self.shown = shared_sockets(trace)
        self.tracks = tracks(trace)
        self.track_widths = {host: widths(found, metrics.name) for host, found in self.tracks.items()}
        self.queues = queues.tracks(trace)
        room = {host: starts[-1] + 4 for host, (starts, _) in self.track_widths.items()}
        self.queue_starts = {host: room.get(host, 0) for host in self.queues}
        for host, found in self.queues.items():
            room[host] = room.get(host, 0) + queues.room(found, metrics.name) + 4
        for host in {e.host for e in map(trace.events.__getitem__, why.values()) if isinstance(e, Call)}:
            room[host] = room.get(host, 0) + metrics.channel * (not self.lanes[host])
        self.room = call_room(trace, metrics, self.lanes, room)
        self.waits = Waits(trace)
        self.alike, self.flight, self.discarded = alike(trace), flight(trace), discarded(trace)
        self.inner = {(a.host, a.local, a.peer): a.number for found in self.lanes.values() for a in reversed(found) if a.number}
        self.span_of = {span.index: (lane, span) for found in self.lanes.values() for lane in found for span in lane.spans}
        self.texts = {i: self.call_lines(e) for i, e in enumerate(trace.events)
                      if isinstance(e, Call) and i not in self.folded}
        ends = {host.name for host in (*trace.hosts[:1], *trace.hosts[-1:])}
        self.callers = ends | {call.host for call in trace.calls}
        self.columns = columns(trace, metrics, self.lanes, self.rooms(), self.strand_counts(), room)
        self.anchors: list[Anchor] = []
        self.at: dict[tuple[str, int], Anchor] = {}

    # ------------------------------------------------------------ 宽度

    def call_lines(self, call: Call) -> tuple[bool, list[str], list[str]]:
        """(阻塞过吗, 开始处的各行, 返回处的各行)。"""
        room = self.room
        fits = int(room / (self.m.font * 0.61))
        text = prefix(call, self.shown) + call_text(call, self.narrow)
        result = outcome(call, self.narrow)
        if self.waits.waited(call):
            return True, self.lines(text, fits), self.lines(result or "→ 返回", fits)
        joined = f"{text} {result}".rstrip()
        if width(joined, self.m.font) <= room:
            return False, [joined], []
        rows = self.lines(text, fits)
        if result and not took_all(call):
            tail = f"{rows[-1]} {result}"
            rows = [*rows[:-1], tail] if width(tail, self.m.font) <= room else rows + self.lines(result, fits)
        return False, rows, []

    def lines(self, text: str, fits: int) -> list[str]:
        """折成几行。一行也放不下的 ``→ ECONNREFUSED`` 先省去箭头。"""
        bare = text.removeprefix("→ ")
        return wrap(bare if width(bare, self.m.font) <= self.room < width(text, self.m.font) else text, fits)

    def rooms(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for index, (_, begin, end) in self.texts.items():
            host = self.the_call(index).host
            found[host] = max([found.get(host, 0), *(width(t, self.m.font) for t in (*begin, *end))])
        for fold in self.folds:
            for host in {c.host for c in fold.calls}:
                wants = max(width(t, self.m.small) for t in fold.call_words(host))
                found[host] = max(found.get(host, 0), min(wants, self.room))
        for event in self.trace.events:
            if isinstance(event, Action) and event.where in self.callers:
                found[event.where] = max(found.get(event.where, 0), width(action_text(event), self.m.small) + 12)
            elif self.narrow and isinstance(event, State):
                found[event.host] = max(found.get(event.host, 0), width(event.state, self.m.small))
        return found

    def strand_counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for (host, _), strand in self.strands.items():
            counts[host] = max(counts.get(host, 0), strand + 1)
        return counts

    # ------------------------------------------------------------ 高度

    def place(self) -> Ruler:
        for index, event in enumerate(self.trace.events):
            if index not in self.folded:
                getattr(self, f"anchor_{event.kind}")(index, event)
        for number, fold in enumerate(self.folds):
            self.anchor_fold(number, fold)
        flying = [(p.t, p.end) for p in self.trace.packets if p.end is not None]
        return rule(self.trace, self.anchors, self.top(), flying + [(f.t, f.end) for f in self.folds])

    def top(self) -> float:
        return 104.0 if self.trace.title else 80.0

    def anchor(self, key: str, index: int, anchor: Anchor) -> Anchor:
        self.at[key, index] = anchor
        self.anchors.append(anchor)
        return anchor

    def row(self, host: str, lines: int) -> tuple[str, float, float]:
        return (f"call {host}", self.m.line * 0.54, self.m.line * (lines - 0.46))

    def anchor_call(self, index: int, call: Call) -> None:
        blocked, begin, end = self.texts[index]
        self.anchor("call", index, Anchor(call.t, (self.row(call.host, len(begin)),)))
        if blocked and call.end is not None:
            self.anchor("return", index, Anchor(call.end, (self.row(call.host, len(end)),)))

    def anchor_packet(self, index: int, packet: Packet) -> None:
        net = self.columns.nets[packet.cable]
        gap = self.spacing(index, packet)
        start = self.anchor("depart", index, Anchor(packet.t, (
            (f"edge {packet.src} {packet.cable}", 2, 2), (f"dep {packet.cable} {packet.src}", gap / 2, gap / 2))))
        end = packet.end if packet.end is not None else packet.t + self.flight[index]
        if packet.end is not None or packet.fate != "delivered":
            column = f"label {packet.cable}" + ("" if self.columns.crowded else f" {packet.src}")
            columns = ((f"edge {packet.dst} {packet.cable}", 2, 2), (f"arr {packet.cable} {packet.dst}", gap / 2, gap / 2))
            usual = self.m.small + 6 * self.columns.crowded + 2
            room = usual if self.details else {"ack": 2, "data": 2, "datagram": 2, "rst": 18}.get(packet_kind(packet), usual)
            room = 2 if gap == ALIKE else room
            self.anchor("arrive", index, Anchor(end, columns, (start, max(14.0, net.width * 0.07)),
                                                (column, self.part(), room, net.width)))

    def spacing(self, index: int, packet: Packet) -> float:
        """它与同一端的上一支箭头隔多远：一模一样的画得密；数据报各有各的字，箭头越陡越要隔开。"""
        if self.alike.get(index, index) != index:
            return ALIKE
        kind = packet_kind(packet)
        if kind == "datagram":
            return 24 if self.narrow else 20 if index in self.discarded else 17
        return {"ack": 13, "rst": 19}.get(kind, 15)

    def part(self) -> float:
        return 0.5 if self.columns.crowded else 0.42 if self.details else 0.28

    def anchor_state(self, index: int, state: State) -> None:
        if index not in self.span_of:
            return
        lane, span = self.span_of[index]
        name = f"lane {lane.host} {lane.number}"
        columns = (self.row(lane.host, 1), (name, 4.0, 4.0)) if self.narrow else ((name, 1.0, self.m.small + 5),)
        self.anchor("state", span.index, Anchor(span.t, columns))

    def anchor_ready(self, index: int, ready: Ready) -> None:
        self.anchor("ready", index, Anchor(ready.t, ((f"ready {ready.host} {ready.socket}", 2.0, 2.0),)))

    def anchor_queue(self, index: int, queue: Queue) -> None:
        self.anchor("queue", index, Anchor(queue.t, ((f"queue {queue.host} {queue.socket} {queue.queue}", 2.0, 2.0),)))

    def anchor_action(self, index: int, action: Action) -> None:
        if action.where in self.lanes:
            self.anchor("action", index, Anchor(action.t, (self.row(action.where, 1),)))
            return
        cable = action.where.removeprefix("cable")
        ends = self.trace.cables[int(cable)].ends if cable.isdigit() else []
        self.anchor("action", index, Anchor(action.t, tuple((f"dep {cable} {h}", 12.0, 10.0) for h in ends)))

    def anchor_fold(self, number: int, fold: Fold) -> None:
        rows = max([1, *(len(_narrowed(fold.cable_words(c), self.m.small, net.width))
                         for c, net in enumerate(self.columns.nets))])
        calls = tuple(self.row(h, len(words)) for h in self.lanes if (words := self.fold_rows(fold, h)))
        ends = tuple((f"dep {c} {h}", 10.0, 6.0) for c, cable in enumerate(self.trace.cables) for h in cable.ends)
        start = self.anchor("fold", number, Anchor(fold.t, calls + ends))
        self.anchor("unfold", number, Anchor(fold.end, ends, (start, rows * self.m.line + 14)))

    def fold_rows(self, fold: Fold, host: str) -> list[str]:
        return _narrowed(fold.call_words(host), self.m.small, self.room)

    # ------------------------------------------------------------ 落笔

    def figure(self) -> Figure:
        ruler = self.place()
        self.ruler = ruler
        calls = [self.call_mark(i, *self.texts[i]) for i in self.texts]
        lowest = max((label.y for call in calls for label in [*call.labels, *call.returns]), default=0.0)
        self.bottom = bottom = max(ruler.heights[-1] + 18, lowest - 2)  # 最后一次调用的字可以有好几行
        dots = {c.index: (c.x, c.y) for c in calls}
        flights = Flights(self.trace, self.columns, self.at, bottom, self.why, self.details, self.discarded, self.alike,
                          self.inner, {i: width(begin[0], self.m.font) for i, (_, begin, _) in self.texts.items()}, self.part())
        arrows = flights.arrows([i for kind, i in self.at if kind == "depart"], dots)
        figure = Figure(
            self.trace, self.columns, ruler, self.top() - 16, bottom, heads(self.trace, self.columns, self.top()), calls, arrows,
            self.bars(), self.marks(), self.bands(), [(b, self.silence(b)) for b in ruler.breaks], [],
            outages(self.trace, ruler, bottom), list(self.polls()), list(self.fills()))
        moving = {id(a.label) for a in arrows}
        declutter(arrows, [label for label in figure.labels() if id(label) not in moving], self.alike)
        taken = [label.box() for label in figure.labels()] + [arrow.shaft() for arrow in arrows]
        figure.heads += untouched(self.trace, self.columns, self.top(), bottom, taken)
        figure.ticks = ticks(figure)
        return figure

    def the_call(self, index: int) -> Call:
        """第 ``index`` 个事件，它是一次调用。"""
        event = self.trace.events[index]
        assert isinstance(event, Call)
        return event

    def call_mark(self, index: int, blocked: bool, begin: list[str], end: list[str]) -> CallMark:
        call = self.the_call(index)
        side = self.columns.sides[call.host]
        x = side.dot(self.strands[call.host, call.thread], self.m.strand)
        y = self.at["call", index].y
        mark = CallMark(index, call, x, y, self.stack(side, y, begin, call, final=not blocked), blocked=blocked)
        if ("return", index) in self.at:
            mark.end = self.at["return", index].y
            mark.returns = self.stack(side, mark.end, end, call, final=True)
        return mark

    def stack(self, side: Side, y: float, rows: list[str], call: Call, final: bool) -> list[Label]:
        found, style = [], "call"
        for number, row in enumerate(rows):
            if row.startswith("→") or row == call.errno:
                style = "error" if is_error(call) else "result"
            label = Label(side.text, y + self.m.font * 0.36 + number * self.m.line, row, self.m.font, side.anchor, style)
            if final and " → " in row and is_error(call):
                label.style = "call error-tail"
            found.append(label)
        return found

    def bars(self) -> list[Bar]:
        return [self.bar(lane, span, after) for host in self.lanes for lane in self.lanes[host]
                for span, after in zip_longest(lane.spans, lane.spans[1:]) if span]

    def bar(self, lane: Lane, span: Span, after: Span | None) -> Bar:
        side = self.columns.sides[lane.host]
        left, right = side.lane(lane.number)
        top = self.at["state", span.index].y
        least = top + (8 if self.narrow else self.m.small + 4)
        if after:
            bottom = self.at["state", after.index].y
        elif span.end is None:
            bottom = self.bottom
        else:
            bottom = max(self.ruler.y(span.end), least)
        orphan = [(max(top, self.ruler.y(a)), bottom if b is None or b == span.end else self.ruler.y(b))
                  for a, b in span.orphan]
        return Bar(span.index, span.state, left, right, top, bottom, orphan,
                   self.state_label(side, span, left, right, top, bottom), span.end)

    def state_label(self, side: Side, span: Span, left: float, right: float, top: float, bottom: float) -> Label | None:
        name, size = span.state.state, self.m.small
        if self.narrow:
            return Label(side.text, top + size * 0.36, name, size, side.anchor, "aside")
        if right - left >= 60:
            text = name if width(name, size) <= right - left else name[:5]
            return Label((left + right) / 2, top + size + 0.5, text, size, "middle")
        gaps = [gap for gap in self.ruler.breaks if top < gap.bottom and gap.top < bottom]
        for start, end in zip([top, *(gap.bottom for gap in gaps)], [*(gap.top for gap in gaps), bottom], strict=True):
            if end - start >= width(name, size) + 8:  # 断口不把名字切成两半
                return Label((left + right) / 2 - size * 0.34, start + 5, name, size, "start", "", 90)
        return None

    def polls(self) -> Iterator[Poll]:
        heights = {index: anchor.y for (kind, index), anchor in self.at.items() if kind == "ready"}
        for host, found in self.tracks.items():
            named: list[Label] = []
            for track in found:
                for poll in plot(track, self.columns.sides[host], self.m, self.track_widths[host], heights, self.bottom):
                    named += [label for label in poll.labels if label.style != "bit"]
                    yield poll
            stacked(named)

    def fills(self) -> Iterator[Fill]:
        heights = {index: anchor.y for (kind, index), anchor in self.at.items() if kind == "queue"}
        for host, found in self.queues.items():
            side, start, step = self.columns.sides[host], self.queue_starts[host], queues.wide(found, self.m.name)
            named: list[Label] = []
            for track in found:
                for fill in queues.plot(track, side, self.m, (start, *step), heights, self.bottom):
                    named += [label for label in fill.labels if label.style != "amount"]
                    yield fill
            stacked(named)

    def marks(self) -> list[Mark]:
        return [self.mark(i, e) for i, e in enumerate(self.trace.events) if isinstance(e, Action)]

    def mark(self, index: int, action: Action) -> Mark:
        y, text = self.at["action", index].y, action_text(action)
        if action.where in self.lanes:
            side = self.columns.sides[action.where]
            x, anchor = (side.text, side.anchor) if action.where in self.callers else (side.middle, "middle")
            label = Label(x, y + self.m.small * 0.36, text, self.m.small, anchor, "action")
            return Mark(index, action, side.left, side.right, y, label, False)
        net = self.columns.nets[int(action.where.removeprefix("cable"))]
        return Mark(index, action, net.left, net.right, y,
                    Label(net.middle, y + self.m.small * 0.36, text, self.m.small, "middle", "action"), True)

    def bands(self) -> list[Band]:
        return [self.band(number, fold) for number, fold in enumerate(self.folds)]

    def band(self, number: int, fold: Fold) -> Band:
        top, bottom = self.at["fold", number].y, self.at["unfold", number].y
        middle, size, labels = (top + bottom) / 2, self.m.small, []
        for cable, net in enumerate(self.columns.nets):
            rows = _narrowed(fold.cable_words(cable), size, net.width)
            y = middle - (len(rows) - 1) * self.m.line / 2 + size * 0.36
            labels += [Label(net.middle, y + k * self.m.line, cut(row, size, net.width), size, "middle", "fold")
                       for k, row in enumerate(rows)]
        for host, side in self.columns.sides.items():
            labels += [Label(side.text, top + size * 0.36 + k * self.m.line, cut(row, size, self.room), size, side.anchor,
                             "fold") for k, row in enumerate(self.fold_rows(fold, host))]
        return Band(fold, top, bottom, labels)

    def silence(self, gap: Break) -> Label:
        nets = self.columns.nets
        x = (min(n.left for n in nets) + max(n.right for n in nets)) / 2 if nets else self.m.width / 2
        return Label(x, (gap.top + gap.bottom) / 2 + 4, f"静默 {duration_text(gap.duration)}", self.m.small,
                     "middle", "silence")


# ---------------------------------------------------------------- 事实

def _narrowed(rows: list[str], size: float, room: float) -> list[str]:
    """放不下的行，把末尾的字节数另起一行：``6 次 sendall()``、``60 kB``。"""
    found = []
    for row in rows:
        what, _, unit = row.rpartition(" ")
        head, _, number = what.rpartition(" ")
        found += [row] if width(row, size) <= room or not head else [head, f"{number} {unit}"]
    return found
