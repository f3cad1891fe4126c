"""反过来的练习：给你一条轨迹，写出做得出它的程序。比的是网线上的包，判的是 ``compare``。"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from sockscope import experiments
from sockscope.cells.made import made, made_from
from sockscope.live import Network
from sockscope.pages.prose import Block
from sockscope.render import mimebundle, text
from sockscope.trace import Trace, compare

__all__ = ["Attempt", "Inverse", "inverse"]

PACKETS = {"compares": "packets"}  # 只比网线上的包：怎样调用，各人自有主张
SAME = "✓ 网线上的包与录制一致：你的程序做的，就是那个程序做的事。"


@made_from("said", "trace")
@dataclass(frozen=True)
class Attempt(Block):
    """试了一次：``said`` 是裁决，一句话；``trace`` 是你的程序做出来的轨迹。"""

    said: str
    trace: Trace

    @property
    def passed(self) -> bool:
        return self.said == SAME

    def page_html(self) -> str:
        return f"<p>{escape(self.said)}</p>{mimebundle(self.trace)['text/html']}"

    def __repr__(self) -> str:
        return f"{self.said}\n{text.render(self.trace)}"


@dataclass(frozen=True)
class Inverse(Block):
    """一条要做出来的轨迹：实验 ``experiment`` 的一个变体的录制，藏起了程序的调用。"""

    experiment: str
    values: dict[str, Any]

    @property
    def target(self) -> Trace:
        """给读者看的：只有包、状态和实验者的动作，调用就是要写的。"""
        recorded = experiments.recording(self.experiment, **self.values)
        return replace(recorded, events=[e for e in recorded.events if e.kind != "call"], title="写出它的程序")

    def check(self, program: Callable[[Network], Any]) -> Attempt:
        """在同样的网络里真的运行 ``program(net)``，比较网线上的包。程序自己出的错原样抛出；做不了抛 ``Unavailable``。"""
        wanted = experiments.get(self.experiment)
        mine = replace(wanted, function=lambda net, **_: program(net), title="你的程序").run(**self.values)
        book = experiments.recording(self.experiment, **self.values)
        found = compare(*(replace(trace, settings=trace.settings | PACKETS) for trace in (book, mine)))
        said = SAME if found is None else f"✗ 还不一样（前者是录制，后者是你的）：{found}"
        return Attempt(said, replace(mine, experiment="", parameters={}))

    def page_html(self) -> str:
        return mimebundle(self.target)["text/html"]

    def __repr__(self) -> str:
        return text.render(self.target)


@made()
def inverse(experiment: str, **values: Any) -> Inverse:
    """要做出来的轨迹：实验 ``experiment`` 的一个变体。没有录过抛 ``FileNotFoundError``，参数不对抛 ``ValueError``。"""
    experiments.recording(experiment, **values)
    return Inverse(experiment, experiments.get(experiment).complete(values))
