"""交互实验：同一个 explorer.js，在 Lab 里现场运行（``widget.Explorer``），在静态书页里播放录制（``Page``）。"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from sockscope import experiments
from sockscope.cells.made import made
from sockscope.render import mimebundle, text
from sockscope.widgets.report import describe, origin

if TYPE_CHECKING:
    from sockscope.widgets.widget import Explorer

__all__ = ["Page", "explorer"]


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


@made(page=Page)
def explorer(name: str, **initial: Any) -> Explorer:
    """实验 ``name`` 的交互实验；关键字参数是开关一开始的位置。

    这里得到的是 Lab 里现场的部件；书页里换成 ``Page``。参数不对抛 ``ValueError``，在笔记本里只显示它的那一句话。
    """
    try:
        from sockscope.widgets.widget import Explorer
        return Explorer(name, **initial)
    except ValueError as error:
        raise Mistake(str(error)) from None
