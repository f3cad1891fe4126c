"""看一整条轨迹的题：次序、因果、辨认是哪一种、剪掉了哪一个包。"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise, zip_longest
from random import Random
from typing import Any

from sockscope import experiments
from sockscope.pages.puzzles.puzzle import (
    OFFERED,
    Puzzle,
    Source,
    explained,
    named,
    offer,
    only,
    recorded,
    short,
    title,
)
from sockscope.render import words
from sockscope.render.causes import causes
from sockscope.render.labels import call_text, caption, outcome
from sockscope.trace import Call, Packet, Trace

__all__ = ["cause", "order", "results", "scissors", "variant"]

EPHEMERAL = re.compile(r":\d{5}\b")  # 临时端口：每次不同
NO_CALL = "没有哪次调用：是内核自己发的"


def order(source: Source, rng: Random) -> Puzzle | None:
    """打乱几个包的次序。"""
    trace = source.trace
    told = [named(trace, p) for p in trace.packets]
    if not 4 <= len(told) <= 9 or len(set(told)) != len(told) or len(trace.cables) > 1:
        return None
    start = rng.randrange(len(told) - 3)
    four = trace.packets[start:start + 4]
    if len({p.src for p in four}) < 2 or any(_crossing(one, two) for one, two in pairwise(four)):
        return None
    right = told[start:start + 4]
    orders = {" ".join(right): right}
    for _ in range(40):
        other = right[:]
        one = rng.randrange(3)
        other[one], other[one + 1] = other[one + 1], other[one]
        if rng.random() < 0.5:
            other[0], other[3] = other[3], other[0]
        if len(orders) < OFFERED:
            orders.setdefault(" ".join(other), other)
    listed = list(orders.values())
    rng.shuffle(listed)
    keys = {str(n): packets for n, packets in enumerate(listed, 1)}
    answer = next(key for key, packets in keys.items() if packets == right)
    return Puzzle(
        "次序", "两边的程序做了上面这些调用。网线上有这样四个接连的包，它们离开的先后是哪一种？", only(trace, "call", "action"),
        {key: "；".join(packets) for key, packets in keys.items()}, answer,
        _chain(trace, start), {key: _first_wrong(packets, right) for key, packets in keys.items()}, source)


def _crossing(one: Packet, two: Packet) -> bool:
    """两个方向上的包在路上交错：谁先离开只是运气。"""
    return one.src != two.src and (one.end is None or two.t < one.end)


def _told(call: Call) -> str:
    return f"{call_text(call, short=True)} {outcome(call, short=True)}".rstrip()


def _chain(trace: Trace, start: int) -> str:
    why, places = causes(trace), [i for i, e in enumerate(trace.events) if isinstance(e, Packet)]
    told = [f"{caption(packet).text} {words.explain(trace, i)['lines'][-1]}" for i in places[start:start + 4]
            if i in why and isinstance(packet := trace.events[i], Packet)]
    return "".join(told) or "录制里就是这个次序。"


def _first_wrong(packets: list[str], right: list[str]) -> str:
    place = next((n for n, (one, two) in enumerate(zip(packets, right, strict=True)) if one != two), 0)
    return f"第 {place + 1} 个就不对，录制里它是{right[place]}。"


def cause(source: Source, rng: Random) -> Puzzle | None:
    """哪一次调用引出了这个包？"""
    trace = source.trace
    found = causes(trace)
    why = {i: c for i, c in found.items() if isinstance(trace.events[c], Call)}
    own = [i for i, e in enumerate(trace.events) if isinstance(e, Packet) and e.protocol == "tcp" and i not in found]
    calls = [i for i, e in enumerate(trace.events) if isinstance(e, Call) and e.name not in ("getsockname", "settimeout")]
    if len(why) < 2 or len({_call(trace, i) for i in calls}) < 4:
        return None
    place = rng.choice(own or sorted(why))
    packet, right = trace.events[place], _call(trace, why[place]) if place in why else NO_CALL
    assert isinstance(packet, Packet)
    offered = offer(rng, right, [*dict.fromkeys(_call(trace, i) for i in calls), NO_CALL])
    caused = {_call(trace, c): trace.events[i] for i, c in why.items()}
    nth = [i for i, e in enumerate(trace.events) if isinstance(e, Packet)].index(place) + 1
    return Puzzle(
        "因果", f"第 {nth} 个包，{named(trace, packet)}：哪一次调用引出了它？",
        replace(trace, title=""), {call: call if call == NO_CALL else f"`{call}`" for call in offered}, right,
        explained(trace, place), {call: _instead(trace, call, caused) for call in offered}, source)


def _instead(trace: Trace, call: str, caused: dict[str, Any]) -> str:
    if call == NO_CALL:
        return "有：录制里找得到引出它的那次调用。"
    if packet := caused.get(call):
        return f"那次调用引出的是{named(trace, packet)}。"
    return "那次调用没有引出任何包。"


def _call(trace: Trace, index: int) -> str:
    call = trace.events[index]
    assert isinstance(call, Call)
    return f"{title(trace, call.host)} {call_text(call, short=True)}"


# ---------------------------------------------------------------- 辨认、剪刀

def variant(source: Source, rng: Random) -> Puzzle | None:
    """同一个实验的几种取值：这条轨迹是哪一种？"""
    wanted = [p for p in source.experiment.parameters if len(p.choices) > 1]
    if not wanted or source.cut:
        return None
    parameter = rng.choice(wanted)
    right = source.values[parameter.name]
    others = {value: trace for value in parameter.choices if value != right
              and (trace := recorded(source.experiment, source.values | {parameter.name: value}))}
    unlike = [v for v, trace in others.items() if _packets(trace) != _packets(source.trace)]
    if not unlike:
        return None
    offered = offer(rng, right, unlike)
    return Puzzle(
        "辨认", f"实验“{source.experiment.title}”：{source.experiment.question}"
        f"\n这条轨迹里，“{parameter.label}”是哪一种？", replace(source.trace, title=""),
        {str(v): parameter.choices[v] for v in offered}, str(right),
        f"录制里，{parameter.label}：{parameter.choices[right]}。",
        {str(v): _first_unlike(source.trace, others[v]) for v in unlike}, source)


def _packets(trace: Trace) -> list[str]:
    return [line for line in trace.canonical() if line.startswith(("包", "状态"))]


def _first_unlike(trace: Trace, other: Trace) -> str:
    """另一条录制的第一处不同，一句话。"""
    mine, theirs = ([named(t, p) for p in t.packets if not p.pure_ack] for t in (trace, other))
    for place, (one, two) in enumerate(zip_longest(mine, theirs), 1):
        if one != two:
            told = f"是{two}" if two else "没有了"
            return f"那一种的录制里，除了纯 ACK，第 {place} 个包{told}；这里{'是' + one if one else '没有它'}。"
    last = "，".join(f"{h.title} {other.states_of(h.name)[-1]}" for h in other.hosts if other.states_of(h.name))
    return f"那一种的录制里，状态走得不同，最后是{last}。" if last else "那一种的录制里，包一样，送到了哪几个不一样。"


def scissors(source: Source, rng: Random) -> Puzzle | None:
    """剪掉了哪一个包，程序才看到这样的结果？"""
    if not source.cut:
        return None
    whole = recorded(source.experiment, source.values)
    cuts = experiments.Recording.load(source.experiment.name).drops.get(source.key, {})
    if whole is None or not short(whole):
        return None
    names = {s: _signed(whole, s) for s in cuts}
    unlike = [s for s, t in cuts.items() if s != source.cut and names[s]
              and results(t) != results(source.trace)]
    if not names.get(source.cut) or not unlike or results(whole) == results(source.trace):
        return None
    offered = offer(rng, source.cut, unlike)
    return Puzzle(
        "剪刀", f"实验“{source.experiment.title}”，网线丢掉了一个包，程序与内核看到的就成了上面这样，包都藏起来了。"
        "丢的是哪一个？拿不准，就到交互实验里真的剪一剪。",
        only(source.trace, "call", "state", "action"), {s: names[s] for s in offered}, source.cut,
        "录制里剪掉的就是它。", {s: "剪掉它的那条录制，结果不是这样：" + "；".join(_unlike(source.trace, cuts[s]))
                        for s in unlike}, source)


def _signed(trace: Trace, signature: str) -> str:
    packets = [p for p, s in zip(trace.packets, trace.signatures, strict=True) if s == signature]
    return f"第 {packets[0].number} 个包，{named(trace, packets[0])}" if packets else ""


def results(trace: Trace) -> list[str]:
    """两边的程序看到的：每次调用的结果，等了几秒（不足半秒不写），最后的状态。"""
    told = []
    for host in trace.hosts:
        for call in trace.calls:
            if call.host == host.name and call.name not in ("socket", "bind", "listen", "setsockopt", "settimeout"):
                spent = ((trace.duration if call.end is None else call.end) - call.t) / 1e9
                late = f"（等了约 {spent:.0f} 秒）" if spent >= 0.5 else ""
                told.append(f"{host.title}：{EPHEMERAL.sub(':…', _told(call))}{' 还在等' if call.end is None else ''}{late}")
        if states := trace.states_of(host.name):
            told.append(f"{host.title}：最后的状态 {states[-1]}")
    return told


def _unlike(one: Trace, other: Trace) -> list[str]:
    return [line for line in results(other) if line not in results(one)][:2] or ["少了几次调用"]
