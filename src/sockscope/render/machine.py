"""TCP 状态图：边来自 ``sockscope.tcp.TRANSITIONS``，这里只决定每个状态摆在哪里、每条边怎么拐弯。

表里多一条边，图上就多一条（没有专门的走法就画直线）；少一条就少一条。CLOSE 画了上下两处，是同一个状态：
一生从上面开始，在下面结束。
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from html import escape

from sockscope.render.measure import width
from sockscope.render.palette import machine_stylesheet
from sockscope.tcp import TRANSITIONS, Transition

__all__ = ["render"]

W, H = 400, 822
HALF, RISE = 46, 15  # 状态框的半宽与半高
END = "CLOSE 终"
PLACES = {
    "CLOSE": (200, 34), "LISTEN": (200, 120), "SYN_RECV": (75, 218), "SYN_SENT": (325, 218),
    "ESTABLISHED": (200, 318), "FIN_WAIT1": (75, 418), "CLOSE_WAIT": (325, 418), "FIN_WAIT2": (75, 540),
    "CLOSING": (200, 540), "LAST_ACK": (325, 540), "TIME_WAIT": (200, 646), END: (200, 748),
}
Point = tuple[float, float]
# 边: (起点, 拐点或 None, 终点, 字的位置, 字的对齐)
ROUTES: dict[tuple[str, str], tuple[Point, Point | None, Point, Point, str]] = {
    ("CLOSE", "LISTEN"): ((188, 49), None, (188, 104), (181, 81), "end"),
    ("LISTEN", "CLOSE"): ((212, 105), None, (212, 50), (219, 81), "start"),
    ("CLOSE", "SYN_SENT"): ((246, 28), (354, 28), (354, 202), (345, 140), "end"),
    ("SYN_SENT", "CLOSE"): ((288, 203), (276, 70), (247, 41), (274, 178), "end"),
    ("LISTEN", "SYN_RECV"): ((154, 122), (84, 126), (75, 202), (84, 136), "end"),
    ("SYN_SENT", "SYN_RECV"): ((279, 218), None, (122, 218), (200, 196), "middle"),
    ("SYN_RECV", "ESTABLISHED"): ((97, 233), None, (168, 302), (121, 280), "end"),
    ("SYN_SENT", "ESTABLISHED"): ((303, 233), None, (232, 302), (282, 268), "start"),
    ("SYN_RECV", "FIN_WAIT1"): ((48, 233), None, (48, 402), (55, 330), "start"),
    ("ESTABLISHED", "FIN_WAIT1"): ((168, 333), None, (97, 402), (141, 376), "start"),
    ("ESTABLISHED", "CLOSE_WAIT"): ((232, 333), None, (303, 402), (279, 358), "start"),
    ("FIN_WAIT1", "FIN_WAIT2"): ((48, 433), None, (48, 524), (54, 476), "start"),
    ("FIN_WAIT1", "CLOSING"): ((112, 433), None, (184, 524), (162, 466), "start"),
    ("FIN_WAIT1", "TIME_WAIT"): ((92, 433), (120, 540), (162, 630), (160, 582), "start"),
    ("FIN_WAIT2", "TIME_WAIT"): ((84, 555), (84, 642), (153, 646), (78, 600), "end"),
    ("CLOSING", "TIME_WAIT"): ((238, 555), None, (238, 630), (244, 588), "start"),
    ("TIME_WAIT", END): ((200, 661), None, (200, 732), (207, 700), "start"),
    ("FIN_WAIT2", END): ((36, 555), (30, 744), (153, 750), (86, 694), "start"),
    ("CLOSE_WAIT", "LAST_ACK"): ((325, 433), None, (325, 524), (332, 474), "start"),
    ("LAST_ACK", END): ((325, 555), (325, 746), (247, 749), (316, 636), "end"),
}
KINDS = {"call": "应用的调用", "rcv": "收到的段", "timeout": "定时器"}


def render(highlight: Iterable[Transition | tuple[str, str] | str] = (), links: Mapping[Transition, str] | None = None) -> str:
    """状态图的 SVG。``highlight`` 里的边（``Transition`` 或 ``(起, 止)``）和状态（名字）画得醒目；

    ``links`` 是 边 → 地址，有地址的边点得开。
    """
    hot = {(h.before, h.after) if isinstance(h, Transition) else h for h in highlight}
    edges = [t for t in TRANSITIONS if t.ordinary]
    states = {s: p for s, p in PLACES.items() if s == END or any(s in (t.before, t.after) for t in edges)}
    role = "group" if links else "img"
    words = "；".join(f"{t.before} 遇到“{_event(t)}”到 {t.after}" for t in edges)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sockscope machine" role="{role}" viewBox="0 0 {W} {H}" '
        f'width="{W}" height="{H}" style="max-width:100%;height:auto" aria-label="TCP 状态图。{escape(words)}。">'
        f"<style>{machine_stylesheet()}</style>"
        + "".join(_linked(_edge(t, (t.before, t.after) in hot), t, (links or {}).get(t)) for t in edges)
        + "".join(_state(name, place, hot) for name, place in states.items()) + _legend() + "</svg>")


def _event(edge: Transition) -> str:
    kind, _, what = edge.event.partition(" ")
    return {"call": f"{what}()", "rcv": f"收 {what}", "timeout": f"超时 {what}"}.get(kind, edge.event)


def _lines(edge: Transition) -> list[str]:
    """边上的字，每行都短：事件、对什么的确认、发什么。"""
    event = _event(edge)
    if event == "收 FIN+ACK of FIN":
        rows = ["收 FIN+ACK"]
    elif event.endswith(" of FIN"):
        rows = ["收 ACK", "确认 FIN"]
    else:
        rows = event.split(" ") if width(event, 11.5) > 84 else [event]
    return [*rows, f"发 {edge.action}"] if edge.action else rows


def _edge(edge: Transition, hot: bool) -> str:
    finish = END if edge.after == "CLOSE" and edge.before not in ("LISTEN", "SYN_SENT") else edge.after
    start, bend, end, (x, y), anchor = ROUTES.get((edge.before, finish)) or _straight(edge.before, finish)
    path = f"M{start[0]} {start[1]}" + (f"Q{bend[0]} {bend[1]} " if bend else "L") + f"{end[0]} {end[1]}"
    rows = "".join(f'<tspan x="{x}" dy="{0 if not k else 13.5}">{escape(row)}</tspan>'
                   for k, row in enumerate(_lines(edge)))
    kind = edge.event.partition(" ")[0]
    return (
        f'<g class="edge by-{kind}{" hot" if hot else ""}" data-before="{edge.before}" data-after="{edge.after}" '
        f'data-event-name="{escape(edge.event)}"><title>{edge.before} → {edge.after}：{escape(_event(edge))}'
        f"{f'，发 {edge.action}' if edge.action else ''}（{_source(edge)}）</title>"
        f'<path class="near" d="{path}"/><path class="line" d="{path}"/>{_head(bend or start, end)}'
        f'<text class="halo" x="{x}" y="{y}" text-anchor="{anchor}">{rows}</text></g>')


def _linked(drawn: str, edge: Transition, address: str | None) -> str:
    """点得开的一条边：线很细，所以线的两旁也点得着。"""
    if address is None:
        return drawn
    name = f"{edge.before} → {edge.after}：{_event(edge)}"
    return f'<a href="{escape(address)}" aria-label="{escape(name)}">{drawn}</a>'


def _source(edge: Transition) -> str:
    return f"RFC 9293 §{edge.section}" if edge.section[:1].isdigit() else edge.section


def _straight(before: str, after: str) -> tuple[Point, None, Point, Point, str]:
    (x0, y0), (x1, y1) = PLACES[before], PLACES[after]
    sign = 1 if y1 >= y0 else -1
    return (x0, y0 + sign * RISE), None, (x1, y1 - sign * (RISE + 1)), ((x0 + x1) / 2, (y0 + y1) / 2), "middle"


def _head(before: Point, end: Point) -> str:
    dx, dy = end[0] - before[0], end[1] - before[1]
    long = math.hypot(dx, dy) or 1.0
    ux, uy = dx / long, dy / long
    bx, by = end[0] - ux * 8, end[1] - uy * 8
    return (f'<polygon class="head" points="{end[0]},{end[1]} {bx - uy * 3.6:.1f},{by + ux * 3.6:.1f} '
            f'{bx + uy * 3.6:.1f},{by - ux * 3.6:.1f}"/>')


def _state(name: str, place: Point, hot: Set[object]) -> str:
    x, y = place
    shown = "CLOSE" if name == END else name
    return (
        f'<g class="node {shown}{" hot" if shown in hot else ""}" data-state="{shown}">'
        f'<rect class="bed" x="{x - HALF}" y="{y - RISE}" width="{2 * HALF}" height="{2 * RISE}" rx="5"/>'
        f'<rect class="bar" x="{x - HALF}" y="{y - RISE}" width="{2 * HALF}" height="{2 * RISE}" rx="5"/>'
        f'<text class="name" x="{x}" y="{y + 4.2}" text-anchor="middle">{shown}</text></g>')


def _legend() -> str:
    x, parts = 14.0, []
    for kind, words in KINDS.items():
        parts.append(f'<g class="edge by-{kind}" transform="translate({x:.0f} 800)"><path class="line" d="M0 -4H20"/>'
                     f'<polygon class="head" points="26,-4 18,-7.6 18,-0.4"/><text x="32" y="0">{words}</text></g>')
        x += 32 + width(words, 11.5) + 22
    return "".join(parts) + f'<text class="soft" x="{x:.0f}" y="800">RST 与放弃未画</text>'
