"""交互实验：同一个 explorer.js，在 Lab 里现场运行，在静态书页里播放录制。

``payload`` 把一条轨迹变成一个可以写成 JSON 的字典：图、文字、每个事件的解释、两边的结果、与书上的异同。
Lab 里的部件、``make serve`` 的端点、静态书页的录制脚本，用的都是它。
"""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from sockscope import experiments
from sockscope.experiments import Experiment
from sockscope.live import Unavailable, capability
from sockscope.render import mimebundle, svg, text, words
from sockscope.trace import Trace, TraceError, compare

__all__ = ["Explorer", "Page", "describe", "explorer", "payload", "report"]

HERE = Path(__file__).parent
FAILURES = (ValueError, Unavailable, TraceError, FileNotFoundError, OSError, TimeoutError, AssertionError)


# ---------------------------------------------------------------- 轨迹 → 字典

def describe(name: str) -> dict[str, Any]:
    """一个实验的说明：标题、问题、参数（名字、标签、缺省值、选项 ``[[值, 说明], …]``）。"""
    wanted = experiments.get(name)
    parameters = [{"name": p.name, "label": p.label, "default": p.default, "options": [list(o) for o in p.options]}
                  for p in wanted.parameters]
    return {"name": name, "title": wanted.title, "question": wanted.question, "chapter": wanted.chapter,
            "parameters": parameters}


def payload(name: str, parameters: dict[str, Any], drop: Iterable[str] = (), *,
            on_progress: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """做一遍实验（做不了就放录制），返回要给读者看的一切。

    ``on_progress`` 在进行中不时收到未完的字典（没有 ``events``）。参数不对抛 ``ValueError``，没有录制抛
    ``FileNotFoundError``，消息都是一句中文。
    """
    wanted = experiments.get(name)
    values, cuts = wanted.complete(parameters), list(drop)
    partial = on_progress and (lambda trace: on_progress(_pictures(trace) | {"label": trace.label}))
    trace = wanted.observe(drop=cuts, on_progress=partial, **values)
    return report(wanted, values, cuts, trace)


def report(wanted: Experiment, values: dict[str, Any], drop: list[str], trace: Trace) -> dict[str, Any]:
    """一条完整的轨迹所能告诉读者的一切。"""
    live = not trace.recorded
    return _pictures(trace) | {
        "experiment": wanted.name, "values": values, "key": wanted.key(values), "dropped": drop,
        "live": live, "label": trace.label, "note": "" if live else _why_recorded(),
        "kernel": trace.kernel, "recorded": trace.recorded, "text": text.render(trace),
        "events": [words.explain(trace, index) for index in range(len(trace.events))],
        "signatures": dict(zip(_packet_indexes(trace), trace.signatures, strict=True)),
        "results": _results(trace), "difference": _difference(trace, drop) if live else None,
        "protocol_ms": round(trace.duration / 1e6, 3),
    }


def _pictures(trace: Trace) -> dict[str, str]:
    return {"wide": svg.render(trace), "narrow": svg.render(trace, width="narrow")}


def _packet_indexes(trace: Trace) -> list[str]:
    return [str(i) for i, event in enumerate(trace.events) if event.kind == "packet"]


def _why_recorded() -> str:
    found = capability()
    return "" if found.level == "cable" else found.sentence


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
    found = compare(book, trace)
    same = f"与书上的录制（{book.kernel}）一致。"
    return same if found is None else f"你的内核与书上（{book.kernel}）不同：{found}（前者是书上，后者是你的）。"


def _compare_calls(book: Trace, mine: Trace) -> str:
    ours, theirs = ([c.errno or c.name for c in t.calls] for t in (mine, book))
    return "与书上一致。" if ours == theirs else "与书上不同。"


# ---------------------------------------------------------------- 部件（有内核）

class Explorer(anywidget.AnyWidget):
    """一个现场的交互实验。读者拨动开关（``values``）、剪掉包（``drop``），``request`` 加一就再跑一遍。"""

    _esm = HERE / "explorer.js"
    _css = HERE / "explorer.css"

    experiment = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    drop = traitlets.List(traitlets.Unicode()).tag(sync=True)
    request = traitlets.Int(0).tag(sync=True)
    payload = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)

    def __init__(self, name: str, **initial: Any) -> None:
        values = experiments.get(name).complete(initial)
        super().__init__(experiment=describe(name), values=values)
        self._lock = threading.Lock()
        self._wanted = self._busy = False
        threading.Thread(target=_warm_up, daemon=True).start()

    @traitlets.observe("request")
    def _asked(self, _change: Any) -> None:
        """再跑一遍；正在跑就记下来，跑完立刻按最新的开关再来。"""
        with self._lock:
            self._wanted = True
            if self._busy:
                return
            self._busy = self.running = True
        threading.Thread(target=self._work, name="explorer", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._busy = self.running = False
                    return
                self._wanted = False
            self._run_once()

    def _run_once(self) -> None:
        try:
            result = payload(self.experiment["name"], self.values, self.drop, on_progress=self._partial)
        except FAILURES as error:
            self.error = str(error)
            return
        self.error = ""
        self.payload = result

    def _partial(self, pictures: dict[str, Any]) -> None:
        if not self._wanted:
            self.payload = pictures


@functools.cache
def _warm_up() -> None:
    """读者还在看题目的时候，先把工坊和解码器准备好。"""
    if capability().level == "cable":
        import scapy.layers.inet  # noqa: F401
        import scapy.layers.inet6  # noqa: F401


# ---------------------------------------------------------------- 书页（没有内核）

class Page:
    """静态书页里的交互实验：缺省变体的图就写在页面里，没有脚本也能读；有脚本时 host.js 接手。"""

    def __init__(self, name: str, **initial: Any) -> None:
        self.values = experiments.get(name).complete(initial)
        self.trace = experiments.recording(name, **self.values)
        self.experiment = describe(name)

    def _repr_html_(self) -> str:
        cuts = {key: list(group) for key, group in experiments.Recording.load(self.trace.experiment).drops.items()}
        start = json.dumps({"experiment": self.experiment, "values": self.values, "cuts": cuts}, ensure_ascii=False)
        return (f'<div class="sockscope-explorer" data-start="{escape(start)}">'
                f'{mimebundle(self.trace)["text/html"]}</div>')

    def __repr__(self) -> str:
        return text.render(self.trace)


def explorer(name: str, **initial: Any) -> Explorer | Page:
    """实验 ``name`` 的交互实验；关键字参数是开关一开始的位置。

    在 Lab 里得到现场的部件；构建书时（环境变量 ``SOCKSCOPE_BOOK``）得到静态书页。参数不对抛 ``ValueError``。
    """
    return Page(name, **initial) if os.environ.get("SOCKSCOPE_BOOK") else Explorer(name, **initial)
