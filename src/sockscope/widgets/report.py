"""报告：把一条轨迹变成一个可以写成 JSON 的字典：图、文字、每个事件的解释、两边的结果、与书上的异同。

Lab 里的部件、``make serve`` 的端点、静态书页的录制脚本，给读者看的都是它。
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sockscope import experiments
from sockscope.experiments import DELAY, LONGEST, Experiment
from sockscope.experiments.known import judge
from sockscope.live import capability
from sockscope.render import svg, text, words
from sockscope.trace import Trace

__all__ = ["describe", "origin", "payload", "pictures", "report"]


def describe(name: str) -> dict[str, Any]:
    """一个实验的说明：标题、问题、参数（名字、标签、缺省值、选项 ``[[值, 说明], …]``）。

    ``typed`` 是读者可以自己填的整数：参数的名字、标签、从几到几、缺省值；最后一个总是网线的时延。
    """
    wanted = experiments.get(name)
    parameters = [{"name": p.name, "label": p.label, "default": p.default, "options": [list(o) for o in p.options]}
                  for p in wanted.parameters]
    typed = [{"name": p.name, "label": p.label, "low": p.typed[0], "high": p.typed[1], "default": p.default}
             for p in wanted.parameters if p.typed]
    delay = {"name": DELAY, "label": "网线的时延（毫秒）", "low": 0, "high": LONGEST, "default": round(wanted.delay * 1000)}
    return {"name": name, "title": wanted.title, "question": wanted.question, "chapter": wanted.chapter,
            "parameters": parameters, "typed": [*typed, delay]}


def payload(name: str, parameters: dict[str, Any], drop: Iterable[str] = (), *,
            on_progress: Callable[[dict[str, Any]], bool | None] | None = None) -> dict[str, Any]:
    """做一遍实验（做不了就放录制），返回要给读者看的一切。

    ``on_progress`` 在进行中不时收到未完的字典（没有 ``events``），返回 False 则叫停。参数不对抛 ``ValueError``，
    没有录制抛 ``FileNotFoundError``，消息都是一句中文。
    """
    wanted = experiments.get(name)
    values, cuts = wanted.complete(parameters), list(drop)

    def partial(trace: Trace) -> bool | None:
        return on_progress(pictures(trace)) if on_progress else None

    refused: list[str] = []
    trace = wanted.observe(drop=cuts, on_progress=partial if on_progress else None, on_refused=refused.append, **values)
    return report(wanted, cuts, trace, _note(trace, *refused))


def report(wanted: Experiment, drop: list[str], trace: Trace, note: str, *, styled: bool = True) -> dict[str, Any]:
    """一条完整的轨迹所能告诉读者的一切。``note`` 是标签的说明：看到的是什么，怎样看到更多；``styled`` 见 ``pictures``。"""
    values = trace.parameters
    return pictures(trace, styled) | {
        "experiment": wanted.name, "values": values, "key": wanted.key(values), "dropped": drop, "note": note,
        "kernel": trace.kernel, "recorded": trace.recorded, "text": text.render(trace),
        "events": [_explained(trace, index) for index in range(len(trace.events))],
        "signatures": dict(zip(_packet_indexes(trace), trace.signatures, strict=True)),
        "results": _results(trace), "difference": None if trace.recorded else _difference(trace, drop),
        "protocol_ms": round(trace.duration / 1e6, 3),
    }


def pictures(trace: Trace, styled: bool = True) -> dict[str, Any]:
    """图的宽窄两版，和它是实时还是录制：实验还没做完也能看。``styled`` 为假，图就不带样式表。"""
    return {"wide": svg.render(trace, styled=styled), "narrow": svg.render(trace, width="narrow", styled=styled),
            "live": not trace.recorded, "label": trace.label}


def _packet_indexes(trace: Trace) -> list[str]:
    return [str(i) for i, event in enumerate(trace.events) if event.kind == "packet"]


def _explained(trace: Trace, index: int) -> dict[str, Any]:
    """一个事件的说明；字节已经分块在 ``blocks`` 里，不必连成文字再带一份。"""
    return {key: value for key, value in words.explain(trace, index).items() if key != "hex"}


def origin(trace: Trace) -> str:
    """录制从哪里来，一句话。"""
    return f"录制于 {trace.recorded}，{trace.kernel}。"


def _note(trace: Trace, refused: str = "") -> str:
    """标签的说明：有抓包就说包从哪里来；不是最好，就说缺什么、怎样补上。``refused`` 是这个实验自己缺的（一个程序）。"""
    if not trace.recorded and trace.capture == "cable":
        return f"刚刚发生在你的内核（{trace.kernel}）里；每个包都取自网线。"
    found = capability()
    if refused and found.level == "cable":
        return origin(trace) + refused
    return (origin(trace) if trace.recorded else "") + found.reason + found.remedy


def _results(trace: Trace) -> list[dict[str, Any]]:
    """两边各自的结果：做过的调用和先后的状态。"""
    return [{"host": host.title,
             "calls": [{"call": f"{c.name}({c.args})", "outcome": c.errno or c.result or _silent(c),
                        "failed": c.errno is not None} for c in trace.calls if c.host == host.name],
             "states": trace.states_of(host.name)} for host in trace.hosts]


def _silent(call: Any) -> str:
    return "返回" if call.end is not None else "还在阻塞"


def _difference(trace: Trace, drop: list[str]) -> str:
    """你的内核与书上：一句话。"""
    try:
        book = experiments.recording(trace.experiment, drop=drop, **trace.parameters)
    except FileNotFoundError:
        return "书上没有录这一种，只有你的内核的答案。"
    if trace.capture != book.capture:
        return f"没有抓包，只比较了调用的结果：{_compare_calls(book, trace)}"
    found = judge(book, trace)
    if found.says:
        return f"你的内核与书上（{book.kernel}）不同：{found.says}（前者是书上，后者是你的）。{found.why}"
    return f"与书上的录制（{book.kernel}）一致{'，只是写法不同：' + found.why if found.why else '。'}"


def _compare_calls(book: Trace, mine: Trace) -> str:
    ours, theirs = ([c.errno or c.name for c in t.calls] for t in (mine, book))
    return "与书上一致。" if ours == theirs else "与书上不同。"
