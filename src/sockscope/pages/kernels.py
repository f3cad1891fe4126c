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
from pathlib import Path
from typing import Any

from sockscope import experiments, places
from sockscope.cells.made import made
from sockscope.pages import ledger
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

    @property
    def place(self) -> str:
        """哪个实验的哪个变体，带反引号。"""
        return f"`{self.experiment}`（`{self.variant}`）"

    @property
    def kind(self) -> str:
        """哪一种不同：主机、地址、端口、数据和次数不论。"""
        said = self.says.replace("AF_INET6", "AF_INET").replace(" [cut]", "")
        said = re.sub(r"(10\.\d+\.\d+\.\d+|\[fd00[^\]]*\])(:\w+)?", "A", said)
        said = re.sub(r"b'[^']*'(…（\d+ 字节）)?", "B", said)
        return re.sub(r"\d+", "N", re.sub(r"\b(client|server|router|peer)\b", "H", said))

    def html(self, others: list[Difference]) -> str:
        """这一处的两张图；``others`` 是同一种的别的几处，只写名字。"""
        told = experiments.get(self.experiment)
        same = f"<p>{marked('同样的还有 ' + '、'.join(one.place for one in others) + '。')}</p>" if others else ""
        pair = "".join(f"<figure><figcaption>{escape(trace.kernel)}</figcaption>{mimebundle(trace)['text/html']}</figure>"
                       for trace in (self.book, self.trace))
        return (f"<section><p><b>{escape(told.title)}</b>（{told.place}，<code>{escape(self.experiment)}</code>，"
                f"<code>{escape(self.variant)}</code>）</p><p>{marked(self.says)}</p>{same}"
                f"<div class=\"pair\">{pair}</div></section>")


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
    cells = dict.fromkeys(section(*name.split(" ")) for name in kernel.cells["different"])
    return "\n".join(filter(None, ["实验：" + ("、".join(names) or "无"), "单元格：" + "、".join(cells) if cells else ""]))


def section(notebook: str, cell: str) -> str:
    """单元格在哪里：哪一章的哪一节，带链接；不在有账本的章里，就写它的名字。"""
    chapter = Path(notebook).name[:2]
    if chapter not in ledger.chapters():
        return f"`{cell}`"
    title = ledger.heading(chapter, cell)
    return f"[{chapter} {title}]({ledger.link(chapter, title)})"


class Gallery(Block):
    """一个内核的全部不同，每一处两张图。"""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def page_html(self) -> str:
        body = "".join(first.html(others) for first, *others in self.kinds()) or "<p>每一个变体都与书上相同。</p>"
        return f'<div class="sockscope-kernels">{body}</div>'

    def kinds(self) -> list[list[Difference]]:
        """同一种的放在一起，照书里的次序。"""
        found: dict[str, list[Difference]] = {}
        for one in sorted(self.kernel.differences, key=lambda one: experiments.get(one.experiment).chapter):
            found.setdefault(one.kind, []).append(one)
        return list(found.values())

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
