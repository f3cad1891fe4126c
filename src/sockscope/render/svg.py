"""三轨图：两侧是调用，中间是网线上的包，主机的线上是内核的状态。

``render(trace)`` 是 Trace 的纯函数，返回一份自足的 SVG：样式在里面，没有脚本，不引用任何外部资源。
每个事件恰好一个 ``<g data-event>``，带着它的时刻；脚本只添行为，不画图。
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from html import escape

from sockscope.render import text as text_form
from sockscope.render.analysis import details as packet_details
from sockscope.render.causes import causes
from sockscope.render.columns import NARROW, WIDE
from sockscope.render.discards import DISCARDED
from sockscope.render.figure import Arrow, Band, Bar, CallMark, Figure, Fill, Label, Mark, Poll
from sockscope.render.labels import (
    FATES,
    KINDS,
    bytes_text,
    call_text,
    caption,
    duration_text,
    facts,
    is_error,
    outcome,
    prefix,
    queue_text,
)
from sockscope.render.layout import layout
from sockscope.render.measure import width
from sockscope.render.palette import stylesheet
from sockscope.render.queues import MEANINGS
from sockscope.render.timeline import Break
from sockscope.render.tracks import LETTERS, WORDS
from sockscope.trace import Call, Packet, Queue, Ready, State, Trace

__all__ = ["render"]

METRICS = {"wide": WIDE, "narrow": NARROW}


def render(trace: Trace, *, width: str = "wide", styled: bool = True, details: bool = False,
           causal: bool = True) -> str:
    """轨迹 → SVG 文字。``width`` 是 ``wide``（正文宽度）或 ``narrow``（手机），其余抛 ``ValueError``。

    ``styled`` 为假则不带样式表：许多张图在同一页上，``palette.stylesheet()`` 一页放一份就够。
    ``details`` 为真则箭头上还写着分析（重复的确认、快速重传……）、ECN、SACK 的块与选项，写得下多少写多少。
    ``causal`` 为假则不画、也不说哪次调用引出了哪个包：正要读者自己去找。
    """
    if width not in METRICS:
        raise ValueError(f"width 应为 wide 或 narrow，实为 {width!r}。")
    why = causes(trace) if causal else {}
    description = text_form.spoken(trace, why)
    key = hashlib.sha256(f"{width}{description}".encode()).hexdigest()[:8]
    sheet = f"<style>{stylesheet()}</style>" if styled else ""
    figure = layout(trace, METRICS[width], why, packet_details(trace) if details else {})
    return _Pen(figure, f"ss{key}", description, sheet).svg()


def _n(value: float) -> str:
    """坐标：一位小数，不留尾巴。"""
    return f"{value:.1f}".removesuffix(".0")


def _scale(x: float, top: float, bottom: float, kind: str) -> str:
    """竖着的一段时间轴。"""
    if kind != "tight":
        return f"M{_n(x)} {_n(top)}V{_n(bottom)}"
    count = max(round((bottom - top) / 4), 1)
    half = (bottom - top) / count / 2
    sides = (2 - k % 2 * 4 for k in range(count))  # 一左一右
    return f"M{_n(x)} {_n(top)}" + "".join(f"l{side} {half:.2f}l{-side} {half:.2f}" for side in sides)


SCALES = {"open": "时间撑开", "tight": "时间压缩", "even": "时间按比例"}


class _Pen:
    """把摆好的图写成 SVG。"""

    def __init__(self, figure: Figure, key: str, description: str, sheet: str) -> None:
        self.figure, self.key, self.description, self.sheet = figure, key, description, sheet
        self.trace, self.metrics = figure.trace, figure.columns.metrics
        self.narrow = self.metrics is NARROW

    def svg(self) -> str:
        f = self.figure
        legend, height = self.legend(f.bottom + 26)
        footer, height = self.footer(height)
        body = "".join([
            self.grid(), self.lifelines(), self.outages(), *(self.band(b) for b in f.bands),
            *(self.bar(b) for b in f.bars), *(self.arrow(a) for a in f.arrows), *(self.poll(p) for p in f.polls),
            *(self.fill(q) for q in f.fills),
            *(self.call(c) for c in f.calls), *(self.mark(m) for m in f.marks),
            *(self.tear(b, label) for b, label in f.breaks), *(self.label(h, halo=False) for h in f.heads),
            legend, footer,
        ])
        return self.open(height) + body + "</svg>"

    def open(self, height: float) -> str:
        w, key = self.metrics.width, self.key
        title = escape(self.trace.title or "三轨图")
        axis = " ".join(f"{t},{_n(y)}" for t, y in zip(self.figure.ruler.times, self.figure.ruler.heights, strict=True))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="sockscope {self.metrics.name}" role="img" '
            f'viewBox="0 0 {w} {_n(height)}" width="{w}" height="{_n(height)}" '
            f'aria-labelledby="{key}-title {key}-desc" data-axis="{axis}" style="max-width:100%;height:auto">'
            f'<title id="{key}-title">{title}</title><desc id="{key}-desc">{escape(self.description)}</desc>'
            f"{self.sheet}"
            f'<defs><pattern id="{key}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><line class="hatch" y2="6"/></pattern></defs>')

    # ------------------------------------------------------------ 底子

    def grid(self) -> str:
        m, parts = self.metrics, []
        for y, label in self.figure.ticks:
            left = m.axis + width(label.text, label.size) + 4 if self.narrow else m.axis - 4
            parts.append(f'<line class="grid" x1="{_n(left)}" x2="{m.width - 4}" y1="{_n(y)}" y2="{_n(y)}"/>')
            parts.append(self.label(label, halo=False))
        return f'<g class="time">{"".join(parts)}{self.scale()}</g>'

    def scale(self) -> str:
        """时间轴自己：按比例的一段是直线，撑开的是疏点，压缩的是锯齿。"""
        x = 2.5 if self.narrow else self.metrics.axis - 3.0
        return "".join(f'<path class="scale {s.kind}" d="{_scale(x, s.top + 1, s.bottom - 1, s.kind)}"/>'
                       for s in self.figure.ruler.stretches())

    def lifelines(self) -> str:
        f = self.figure
        lines = [f'<line class="life" x1="{_n(s.middle)}" x2="{_n(s.middle)}" y1="{_n(f.top)}" y2="{_n(f.bottom)}"/>'
                 for s in f.columns.sides.values()]
        beds = [f'<rect class="bed" x="{_n(b.left)}" y="{_n(b.top)}" width="{_n(b.right - b.left)}" '
                f'height="{_n(max(b.bottom - b.top, 1))}"/>' for b in f.bars]
        return "".join(lines + beds)

    def outages(self) -> str:
        nets = self.figure.columns.nets
        return "".join(
            f'<rect class="outage" x="{_n(nets[i].left)}" y="{_n(top)}" width="{_n(nets[i].width)}" '
            f'height="{_n(max(bottom - top, 0))}"/>' for i, top, bottom in self.figure.outages)

    def label(self, label: Label, halo: bool = True) -> str:
        turn = f' transform="rotate({label.turn:.1f} {_n(label.x)} {_n(label.y)})"' if label.turn else ""
        style = f"{label.style} halo".strip() if halo else label.style
        size = f' font-size="{_n(label.size)}"' if label.size != 11 else ""
        anchor = f' text-anchor="{label.anchor}"' if label.anchor != "start" else ""
        body = escape(label.text)
        if "error-tail" in label.style:
            before, arrow, after = label.text.partition(" → ")
            body = f'{escape(before)} <tspan class="why">{escape((arrow + after).strip())}</tspan>'
        elif label.style == "call" and " → " in label.text:
            before, arrow, after = label.text.partition(" → ")
            body = f'{escape(before)} <tspan class="result">{escape((arrow + after).strip())}</tspan>'
        if label.tail:
            body += f' <tspan class="tail">{escape(label.tail)}</tspan>'
        return f'<text class="{style}" x="{_n(label.x)}" y="{_n(label.y)}"{size}{anchor}{turn}>{body}</text>'

    # ------------------------------------------------------------ 事件

    def group(self, kind: str, index: int, t: int, title: str, body: str) -> str:
        return f'<g class="{escape(kind)}" data-event="{index}" data-t="{t}"><title>{escape(title)}</title>{body}</g>'

    def call(self, mark: CallMark) -> str:
        call, body = mark.call, ""
        if mark.blocked:
            bottom = mark.end if mark.end is not None else self.figure.bottom
            body += f'<line class="wait" x1="{_n(mark.x)}" x2="{_n(mark.x)}" y1="{_n(mark.y + 5)}" y2="{_n(bottom - 3)}"/>'
        body += f'<circle class="dot" cx="{_n(mark.x)}" cy="{_n(mark.y)}" r="3"/>'
        body += "".join(self.label(label) for label in mark.labels)
        if mark.end is not None:
            body += (f'<g class="return" data-t="{call.end}"><circle class="ring" cx="{_n(mark.x)}" '
                     f'cy="{_n(mark.end)}" r="2.6"/>{"".join(self.label(label) for label in mark.returns)}</g>')
        kind = "call" + (" failed" if is_error(call) else "") + (" waited" if mark.blocked else "")
        return self.group(kind, mark.index, call.t, _call_title(call), body)

    def arrow(self, arrow: Arrow) -> str:
        p = arrow.packet
        body = self.connector(arrow) + self.shaft(arrow) + self.tip(arrow) + self.arrow_label(arrow)
        kind = f"packet {arrow.kind}" + ("" if p.fate == "delivered" else f" {p.fate}") + " discarded" * arrow.discarded
        title = _packet_title(p) + f"　{DISCARDED}" * arrow.discarded
        return self.group(kind, arrow.index, p.t, title, body)

    def connector(self, arrow: Arrow) -> str:
        found = ""
        for x0, y0 in arrow.origins:
            bend = (arrow.x0 - x0) * 0.55
            found += (f'<path class="cause" d="M{_n(x0)} {_n(y0)}C{_n(x0 + bend)} {_n(y0)} {_n(arrow.x0 - bend)} '
                      f'{_n(arrow.y0)} {_n(arrow.x0)} {_n(arrow.y0)}"/>')
        return found

    def shaft(self, arrow: Arrow) -> str:
        a, out = arrow, -1 if arrow.x1 > arrow.x0 else 1
        line = f"M{_n(a.x0)} {_n(a.y0)}L{_n(a.x1)} {_n(a.y1)}"
        leads = f"M{_n(a.x0 + out * a.lead[0])} {_n(a.y0)}H{_n(a.x0)}" if a.lead[0] else ""
        if a.whole and a.lead[1]:
            leads += f"M{_n(a.x1)} {_n(a.y1)}H{_n(a.x1 - out * a.lead[1])}"
        shaft = f'<path class="hit" d="{line}"/><path class="line" d="{line}"/>'
        return shaft + (f'<path class="line lead" d="{leads}"/>' if leads else "")

    def tip(self, arrow: Arrow) -> str:
        x, y = arrow.x1, arrow.y1
        if arrow.discarded or arrow.packet.fate not in ("delivered", "duplicate"):
            return f'<path class="cross" d="M{_n(x - 5)} {_n(y - 5)}l10 10m0 -10l-10 10"/>'
        dx, dy = arrow.x1 - arrow.x0, arrow.y1 - arrow.y0
        long = (dx * dx + dy * dy) ** 0.5 or 1.0
        ux, uy = dx / long, dy / long
        size, half = (6.5, 2.6) if arrow.kind == "ack" else (9, 3.8)
        bx, by = x - ux * size, y - uy * size
        head = (f'<polygon class="head" points="{_n(x)},{_n(y)} {_n(bx - uy * half)},{_n(by + ux * half)} '
                f'{_n(bx + uy * half)},{_n(by - ux * half)}"/>')
        if arrow.kind in ("rst", "zero"):
            head += (f'<path class="line stop" d="M{_n(x - uy * 6)} {_n(y + ux * 6)}L{_n(x + uy * 6)} '
                     f'{_n(y - ux * 6)}"/>')
        return head

    def arrow_label(self, arrow: Arrow) -> str:
        label = arrow.label
        if not label.text:
            return ""
        if arrow.kind != "rst":
            return self.label(Label(label.x, label.y, label.text, label.size, label.anchor,
                                    "quiet" if arrow.kind == "ack" else "", label.turn, label.tail))
        wide = width(label.text, label.size) + 10
        turn = f' transform="rotate({label.turn:.1f} {_n(label.x)} {_n(label.y)})"' if label.turn else ""
        plate = (f'<rect class="plate" x="{_n(label.x - wide / 2)}" y="{_n(label.y - 10.5)}" width="{_n(wide)}" '
                 f'height="14" rx="3"{turn}/>')
        return plate + self.label(Label(label.x, label.y, label.text, label.size, label.anchor, "plated", label.turn),
                                  halo=False)

    def bar(self, bar: Bar) -> str:
        rect = (f'x="{_n(bar.left)}" y="{{}}" width="{_n(bar.right - bar.left)}" height="{{}}"')
        high = max(bar.bottom - bar.top, 1)
        body = f'<rect class="bar" {rect.format(_n(bar.top), _n(high))} rx="2"/>'
        for top, bottom in bar.orphan:
            body += (f'<rect class="orphan" {rect.format(_n(top), _n(max(bottom - top, 1)))} '
                     f'fill="url(#{self.key}-hatch)"/>')
        body += self.label(bar.label, halo=self.narrow) if bar.label else ""
        s = bar.state
        return self.group(f"state {s.state}", bar.index, s.t, _state_title(s), body)

    def poll(self, poll: Poll) -> str:
        high = _n(max(poll.bottom - poll.top, 1))
        body = "".join(f'<rect class="{name}" x="{_n(x)}" y="{_n(poll.top)}" width="{_n(poll.wide)}" height="{high}"/>'
                       for name, x in poll.bits)
        body += "".join(self.label(label, halo=label.style != "bit") for label in poll.labels)
        return self.group("ready", poll.index, poll.ready.t, _ready_title(poll.ready), body)

    def fill(self, fill: Fill) -> str:
        across = f'x="{_n(fill.left)}" y="{_n(fill.top)}" height="{_n(max(fill.bottom - fill.top, 1))}"'
        body = f'<rect class="trough" {across} width="{_n(fill.wide)}"/>'
        body += f'<rect class="{fill.queue.queue}" {across} width="{_n(fill.wide * fill.level)}"/>' if fill.level else ""
        body += "".join(self.label(label, halo=label.style != "amount") for label in fill.labels)
        return self.group("queue", fill.index, fill.queue.t, _queue_title(fill.queue), body)

    def mark(self, mark: Mark) -> str:
        wide = width(mark.label.text, mark.label.size) + 10
        shift = {"start": -5, "middle": -wide / 2, "end": 5 - wide}[mark.label.anchor]
        left, y = mark.label.x + shift, mark.y
        body = f'<path class="mark" d="M{_n(mark.left)} {_n(y)}H{_n(mark.right)}"/>' if mark.net else ""
        body += (f'<rect class="pill" x="{_n(left)}" y="{_n(y - 8)}" width="{_n(wide)}" height="16" rx="8"/>'
                 + self.label(mark.label, halo=False))
        a = mark.action
        return self.group(f"action {a.name}", mark.index, a.t,
                          f"{duration_text(a.t)}　{a.where} {a.name} {a.detail}".rstrip(), body)

    def band(self, band: Band) -> str:
        events = " ".join(str(i) for i in band.fold.indices)
        labels = "".join(self.label(label) for label in band.labels)
        boxes = "".join(f'<rect class="band" x="{_n(net.left)}" y="{_n(band.top - 4)}" width="{_n(net.width)}" '
                        f'height="{_n(band.bottom - band.top + 2)}" rx="3"/>'
                        for cable, net in enumerate(self.figure.columns.nets) if band.fold.cable_words(cable))
        return (f'<g class="folded" data-events="{events}" data-t="{band.fold.t}">'
                f"{boxes}{labels}</g>")

    def tear(self, gap: Break, label: Label) -> str:
        top, bottom = gap.top + 4, gap.bottom - 4
        left, right, step = self.metrics.axis, self.metrics.width, 14
        count = int((right - left) / step) + 1
        upper = f"M{left} {_n(top)}" + "q3.5 -4 7 0t7 0" * count
        lower = f"M{left} {_n(bottom)}" + "q3.5 -4 7 0t7 0" * count
        wide = left + count * step
        shape = f'{upper}V{_n(bottom)}H{left}Z'
        return (f'<g class="silent" data-t="{gap.t}"><path class="tear" style="stroke:none" d="{shape}"/>'
                f'<path class="axis" d="{upper}{lower}"/>{self.label(label)}</g>' if wide else "")

    # ------------------------------------------------------------ 图例与页脚

    def legend(self, y: float) -> tuple[str, float]:
        x, parts, right = 8.0, [], self.metrics.width - 6
        for sample, words in self.entries():
            wide = 30 + width(words, 11) + 16
            if x + wide > right and x > 8:
                x, y = 8.0, y + 18
            parts.append(f'<g transform="translate({_n(x)} {_n(y)})">{sample}'
                         f'<text class="soft" x="30" y="0">{words}</text></g>')
            x += wide
        return f'<g class="legend">{"".join(parts)}</g>', y + 18

    def entries(self) -> Iterator[tuple[str, str]]:
        """只解释这张图里出现了的东西。"""
        f = self.figure
        kinds = {a.kind for a in f.arrows}
        for kind, words in KINDS.items():
            if kind in kinds:
                yield (f'<g class="{kind}"><path class="line" d="M0 -4H18"/>'
                       f'<polygon class="head" points="24,-4 16,-7.5 16,-0.5"/></g>'), words
        fates = {a.packet.fate for a in f.arrows} & set(FATES) - {"duplicate"}
        if fates:
            words = "、".join(FATES[k] for k in FATES if k in fates)
            yield '<path class="cross" d="M7 -9l10 10m0 -10l-10 10"/>', f"没有送达（{words}）"
        if any(b.orphan for b in f.bars):
            yield (f'<rect class="orphan" x="0" y="-10" width="24" height="12" fill="url(#{self.key}-hatch)"/>',
                   "没有描述符指着它")
        for name in (name for name in WORDS if any(name == bit for p in f.polls for bit, _ in p.bits)):
            yield (f'<g class="ready"><rect class="{name}" x="7" y="-10" width="10" height="12"/>'
                   f'<text class="bit" x="12" y="0" text-anchor="middle">{LETTERS[name]}</text></g>'), f"{name} {WORDS[name]}"
        for kind, words in MEANINGS.items():
            if amounts := [fill.queue for fill in f.fills if fill.queue.queue == kind]:
                most = queue_text(max(amounts, key=lambda queue: queue.size or 0))
                yield (f'<g class="queue"><rect class="trough" y="-10" width="24" height="12"/>'
                       f'<rect class="{kind}" y="-10" width="14" height="12"/></g>'), f"{words}（最多 {most}）"
        if discarded := sum(a.discarded for a in f.arrows):
            yield '<path class="cross" d="M7 -9l10 10m0 -10l-10 10"/>', f"{DISCARDED}（内核数了 {discarded} 个）"
        if any(a.origins for a in f.arrows):
            yield '<path class="cause" d="M0 -8C12 -8 12 0 24 0"/>', "由这次调用引出"
        if any(c.blocked for c in f.calls):
            yield '<path class="wait" d="M12 -11V2"/>', "阻塞中"
        named = {b.state.state for b in f.bars if b.label}
        for state in dict.fromkeys(b.state.state for b in f.bars if b.state.state not in named):
            yield f'<g class="{state}"><rect class="bar" x="0" y="-10" width="24" height="12" rx="2"/></g>', state
        scales = {s.kind for s in f.ruler.stretches()}
        for kind, words in SCALES.items():
            if kind in scales:
                yield f'<path class="scale {kind}" d="{_scale(12, -11, 2, kind)}"/>', words

    def footer(self, y: float) -> tuple[str, float]:
        rows, row = [], ""
        for fact in facts(self.trace):
            joined = f"{row} · {fact}" if row else fact
            if width(joined, 11) > self.metrics.width - 16:
                rows.append(row)
                joined = fact
            row = joined
        rows.append(row)
        known = " · ".join(facts(self.trace)[:2])
        body = "".join(f'<text class="soft" x="8" y="{_n(y + 4 + 16 * i)}">{_origin(escape(r), escape(known))}</text>'
                       for i, r in enumerate(rows))
        return f'<g class="footer">{body}</g>', y + 4 + 16 * len(rows)


def _origin(row: str, known: str) -> str:
    """何时、在哪个内核上：页面已经在图的外面说了的，藏得起来。"""
    if not known or not row.startswith(known):
        return row
    more = row[len(known):]
    cut = len(known) + len(" · ") * more.startswith(" · ")
    return f'<tspan class="origin">{row[:cut]}</tspan>{row[cut:]}'


# ---------------------------------------------------------------- 悬停时的一句话

def _call_title(call: Call) -> str:
    spent = "还没有返回" if call.end is None else f"用时 {duration_text(call.end - call.t)}"
    said = f"{prefix(call, {call.host})}{call_text(call)} {outcome(call)}"
    return f"{duration_text(call.t)}　{call.host} 线程 {call.thread}　{said}　{spent}"


def _packet_title(p: Packet) -> str:
    parts: Iterable[str] = (
        f"{duration_text(p.t)}　第 {p.number} 个包　{p.source} → {p.target}", p.protocol.upper(),
        "+".join(p.flags) or p.info, f"seq {p.seq}" if p.seq is not None else "",
        f"ack {p.ack}" if p.ack is not None else "", f"窗口 {p.window}" if p.window is not None else "",
        f"数据 {bytes_text(p.length)}" if p.length else "", p.note,
        FATES.get(p.fate, "") or (f"飞行 {duration_text(p.end - p.t)}" if p.end is not None else "还在路上"))
    return "　".join(filter(None, parts)) or caption(p).whole


def _state_title(s: State) -> str:
    queues = f"接收队列 {s.receive_queue}，发送队列 {s.send_queue}"
    return f"{duration_text(s.t)}　{s.host} {s.local} → {s.peer or '*'}　{s.state}　{queues}（{s.origin}）"


def _ready_title(ready: Ready) -> str:
    told = "、".join(f"POLL{name}（{WORDS[name]}）" for name in ready.mask or []) or "什么也没有准备好"
    return f"{duration_text(ready.t)}　{ready.host} {ready.socket}　{told}"


def _queue_title(queue: Queue) -> str:
    return f"{duration_text(queue.t)}　{queue.host} {queue.socket}　{MEANINGS[queue.queue]}　{queue_text(queue)}"
