"""内核差异：别的内核做同样的实验，与书上哪里不同（附录 F）。

``recordings/kernels/`` 里一个内核一个文件，由 ``python -m bench.matrix --kernels`` 写成：每个实验、每一种不同留一个变体，
连它在那个内核上的轨迹。书上的那一条就是实验自己的录制，不另存。
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from sockscope import experiments, places
from sockscope.cells.made import made
from sockscope.pages.prose import Block, Table, marked
from sockscope.render import mimebundle, text
from sockscope.trace import Trace, from_json

__all__ = ["Difference", "Kernel", "differences", "kernels", "overview"]

FORMAT = "sockscope-kernel/1"


@dataclass(frozen=True)
class Difference:
    """一处不同：哪个实验的哪个变体，第一处不同（一句话），那个内核上的轨迹。"""

    experiment: str
    variant: str
    says: str
    trace: Trace

    @property
    def book(self) -> Trace:
        """书上的那一条。"""
        return experiments.Recording.load(self.experiment).variants[self.variant]

    def html(self) -> str:
        told = experiments.get(self.experiment)
        pair = "".join(f"<figure><figcaption>{escape(trace.kernel)}</figcaption>{mimebundle(trace)['text/html']}</figure>"
                       for trace in (self.book, self.trace))
        return (f"<section><p><b>{escape(told.title)}</b>（第 {told.chapter} 章，<code>{escape(self.experiment)}</code>，"
                f"<code>{escape(self.variant)}</code>）</p><p>{marked(self.says)}</p><div class=\"pair\">{pair}</div></section>")


@dataclass(frozen=True)
class Kernel:
    """一个内核：全部变体几个，相同几个，不同的单元格，留下的不同。"""

    kernel: str
    package: str
    variants: int
    same: int
    cells: dict[str, Any]
    differences: list[Difference]


@cache
def kernels() -> list[Kernel]:
    """录过的内核，旧的在前。不合格式抛 ``ValueError``。"""
    found = [load(json.loads(path.read_text(encoding="utf-8")), path.name)
             for path in (places.recordings() / "kernels").glob("*.json")]
    return sorted(found, key=lambda kernel: [int(number) for number in re.findall(r"\d+", kernel.kernel)])


def load(told: dict[str, Any], name: str) -> Kernel:
    if told.get("format") != FORMAT:
        raise ValueError(f"recordings/kernels/{name} 的 format 应为 {FORMAT!r}。运行 python -m bench.matrix --kernels 重录。")
    return Kernel(told["kernel"], told["package"], told["variants"], told["same"], told["cells"],
                  [Difference(one["experiment"], one["variant"], one["says"], from_json(one["trace"]))
                   for one in told["differences"]])


@made()
def overview() -> Table:
    """各个内核：多少个变体与书上相同。"""
    return Table(["内核", "相同", "不同"], (
        (f"{kernel.kernel}\nDebian 的 `{kernel.package}`", f"{kernel.same} / {kernel.variants}", told(kernel))
        for kernel in kernels()))


def told(kernel: Kernel) -> str:
    """不同的实验和单元格，几个字。"""
    names = list(dict.fromkeys(f"`{one.experiment}`" for one in kernel.differences))
    cells = [f"`{name.split(' ')[1]}`" for name in kernel.cells["different"]]
    return "\n".join(filter(None, ["实验：" + ("、".join(names) or "无"), "单元格：" + "、".join(cells) if cells else ""]))


class Gallery(Block):
    """一个内核的全部不同，每一处两张图。"""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def page_html(self) -> str:
        body = "".join(one.html() for one in self.kernel.differences) or "<p>每一个变体都与书上相同。</p>"
        return f'<div class="sockscope-kernels">{body}</div>'

    def __repr__(self) -> str:
        return "\n\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for one in self.kernel.differences:
            yield f"{one.experiment}（{one.variant}）：{one.says}"
            yield from (text.render(trace) for trace in (one.book, one.trace))


@made()
def differences(release: str) -> Gallery:
    """一个大版本（如 ``"6.1"``）的内核与书上的不同。没有录过抛 ``ValueError``。"""
    for kernel in kernels():
        if kernel.kernel.removeprefix("Linux ").startswith(f"{release}."):
            return Gallery(kernel)
    raise ValueError(f"没有录过内核 {release}；录过的：{'、'.join(kernel.kernel for kernel in kernels()) or '无'}。")
