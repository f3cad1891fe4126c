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
from sockscope.live import capability
from sockscope.render import framed, mimebundle, svg, text, words
from sockscope.trace import Trace, TraceError, compare

__all__ = ["Explorer", "Page", "describe", "explorer", "payload", "report"]

HERE = Path(__file__).parent
STOPPED = "叫停了：图里是停下之前发生的事。"


# ---------------------------------------------------------------- 轨迹 → 字典

def describe(name: str) -> dict[str, Any]:
    """一个实验的说明：标题、问题、参数（名字、标签、缺省值、选项 ``[[值, 说明], …]``）。"""
    wanted = experiments.get(name)
    parameters = [{"name": p.name, "label": p.label, "default": p.default, "options": [list(o) for o in p.options]}
                  for p in wanted.parameters]
    return {"name": name, "title": wanted.title, "question": wanted.question, "chapter": wanted.chapter,
            "parameters": parameters}


def payload(name: str, parameters: dict[str, Any], drop: Iterable[str] = (), *,
            on_progress: Callable[[dict[str, Any]], bool | None] | None = None) -> dict[str, Any]:
    """做一遍实验（做不了就放录制），返回要给读者看的一切。

    ``on_progress`` 在进行中不时收到未完的字典（没有 ``events``），返回 False 则叫停。参数不对抛 ``ValueError``，
    没有录制抛 ``FileNotFoundError``，消息都是一句中文。
    """
    wanted = experiments.get(name)
    values, cuts = wanted.complete(parameters), list(drop)
    partial = on_progress and (lambda trace: on_progress(pictures(trace)))
    trace = wanted.observe(drop=cuts, on_progress=partial, **values)
    return report(wanted, cuts, trace, _note(trace))


def report(wanted: Experiment, drop: list[str], trace: Trace, note: str) -> dict[str, Any]:
    """一条完整的轨迹所能告诉读者的一切。``note`` 是标签的说明：看到的是什么，怎样看到更多。"""
    values = trace.parameters
    return pictures(trace) | {
        "experiment": wanted.name, "values": values, "key": wanted.key(values), "dropped": drop, "note": note,
        "kernel": trace.kernel, "recorded": trace.recorded, "text": text.render(trace),
        "events": [_explained(trace, index) for index in range(len(trace.events))],
        "signatures": dict(zip(_packet_indexes(trace), trace.signatures, strict=True)),
        "results": _results(trace), "difference": None if trace.recorded else _difference(trace, drop),
        "protocol_ms": round(trace.duration / 1e6, 3),
    }


def pictures(trace: Trace) -> dict[str, Any]:
    """图的宽窄两版，和它是实时还是录制：实验还没做完也能看。"""
    return {"wide": svg.render(trace), "narrow": svg.render(trace, width="narrow"),
            "live": not trace.recorded, "label": trace.label}


def _packet_indexes(trace: Trace) -> list[str]:
    return [str(i) for i, event in enumerate(trace.events) if event.kind == "packet"]


def _explained(trace: Trace, index: int) -> dict[str, Any]:
    """一个事件的说明；字节已经分块在 ``blocks`` 里，不必连成文字再带一份。"""
    return {key: value for key, value in words.explain(trace, index).items() if key != "hex"}


def origin(trace: Trace) -> str:
    """录制从哪里来，一句话。"""
    return f"录制于 {trace.recorded}，{trace.kernel}。"


def _note(trace: Trace) -> str:
    """标签的说明：有抓包就说包从哪里来；不是最好，就说缺什么、怎样补上。"""
    if not trace.recorded and trace.capture == "cable":
        return f"刚刚发生在你的内核（{trace.kernel}）里；每个包都取自网线。"
    found = capability(os.environ.get("SOCKSCOPE_CAPTURE", ""))
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
    halt = traitlets.Int(-1).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)

    def __init__(self, name: str, **initial: Any) -> None:
        values = experiments.get(name).complete(initial)
        super().__init__(experiment=describe(name), values=values, payload=_recorded(name, values))
        self._lock = threading.Lock()
        self._wanted = self._busy = False
        threading.Thread(target=_warm_up, daemon=True).start()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Lab 取部件；不认识部件的地方（nbconvert、nbviewer）取现在的图。"""
        bundle = super()._repr_mimebundle_(**options)
        if bundle and self.payload:
            bundle[0]["text/html"] = framed(self.payload["wide"], self.payload["narrow"])
        return bundle

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
        """跑一遍并交出结果。什么样的失败都变成一句话：后台线程的回溯谁也看不到。"""
        try:
            result = payload(self.experiment["name"], self.values, self.drop, on_progress=self._partial)
            self.error = STOPPED if self._stopping() else ""
        except Exception as error:
            result, self.error = None, STOPPED if self._stopping() else _sentence(error)
        if result and not self._stopping():
            self.payload = result

    def _stopping(self) -> bool:
        """读者叫停了这一次，或者已经要跑下一次。"""
        return self._wanted or self.halt == self.request

    def _partial(self, pictures: dict[str, Any]) -> bool:
        if self._stopping():
            return False
        self.payload = pictures
        return True


def _sentence(error: Exception) -> str:
    return str(error) if str(error) and not isinstance(error, KeyError) else f"实验没有做完：{error!r}。"


def _recorded(name: str, values: dict[str, Any]) -> dict[str, Any] | None:
    """第一次现场运行之前先看录制；没有录过则为 None。"""
    try:
        trace = experiments.recording(name, **values)
    except (FileNotFoundError, TraceError):
        return None
    return pictures(trace) | {"note": origin(trace)}


@functools.cache
def _warm_up() -> None:
    """读者还在看题目的时候，先把工坊和解码器准备好。"""
    if capability().level == "cable":
        import scapy.layers.inet
        import scapy.layers.inet6  # noqa: F401


# ---------------------------------------------------------------- 书页（没有内核）

class Page:
    """静态书页里的交互实验：一开始的那张图就写在页面里，没有脚本也能读；有脚本时 host.js 接手。"""

    def __init__(self, name: str, **initial: Any) -> None:
        self.values = experiments.get(name).complete(initial)
        self.trace = experiments.recording(name, **self.values)
        self.experiment = describe(name)

    def start(self) -> dict[str, Any]:
        """部件一开始的状态，外加录了哪些变体、哪些剪法：没有录的不必去取。"""
        recorded = experiments.Recording.load(self.trace.experiment)
        return {"experiment": self.experiment, "values": self.values, "recorded": list(recorded.variants),
                "cuts": {key: list(group) for key, group in recorded.drops.items() if group},
                "payload": {"live": False, "label": self.trace.label, "note": origin(self.trace)}}

    def _repr_html_(self) -> str:
        start = escape(json.dumps(self.start(), ensure_ascii=False))
        return f'<div class="sockscope-explorer" data-start="{start}">{mimebundle(self.trace)["text/html"]}</div>'

    def __repr__(self) -> str:
        return text.render(self.trace)


class Mistake(ValueError):
    """读者写错了一个名字或取值：说一句话就够，不必给回溯。"""

    def _render_traceback_(self) -> list[str]:
        """IPython 显示异常时问的就是它。"""
        return [str(self)]


def explorer(name: str, **initial: Any) -> Explorer | Page:
    """实验 ``name`` 的交互实验；关键字参数是开关一开始的位置。

    在 Lab 里得到现场的部件；构建书时（环境变量 ``SOCKSCOPE_BOOK``）得到静态书页。参数不对抛 ``ValueError``，
    在笔记本里只显示它的那一句话。
    """
    try:
        return Page(name, **initial) if os.environ.get("SOCKSCOPE_BOOK") else Explorer(name, **initial)
    except ValueError as error:
        raise Mistake(str(error)) from None
