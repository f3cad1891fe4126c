"""选项表：缺省、设成、读回三栏都从一条轨迹里读出来，是内核的话。

名字、C 类型与用途来自 ``experiments.option_list``；``option_values`` 那个实验每个选项新建一个套接字，问、设、再问。
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

from sockscope import experiments
from sockscope.cells.made import made
from sockscope.experiments.ch11.option_list import LEVELS, Option, named
from sockscope.pages.prose import Block, marked
from sockscope.trace import Call, Trace

__all__ = ["OptionTable", "Row", "option_table", "rows"]

HEADS = ("选项", "缺省", "设成", "读回", "管什么")


@dataclass(frozen=True)
class Row:
    """一个选项问出来的三个答案；被拒绝的那一次是 errno。"""

    option: Option
    default: str
    given: str
    after: str

    @property
    def adjusted(self) -> bool:
        """读回的不是设的那个数。"""
        return not self.refused and self.given != self.after

    @property
    def refused(self) -> bool:
        return self.given.startswith("E")


def rows(trace: Trace) -> Iterator[Row]:
    """``option_values`` 的一条轨迹 → 一行一个选项。"""
    for _, calls in groupby(trace.calls, key=lambda call: call.socket):
        first, put, last = calls
        given = put.errno or put.args.partition(", ")[2]
        yield Row(named(first.args), _answer(first), given, _answer(last))


def _answer(call: Call) -> str:
    return call.errno or call.result or ""


@dataclass(frozen=True)
class OptionTable(Block):
    """一层的选项。``label`` 说明它是 实时 还是 录制。"""

    level: str
    rows: list[Row]
    kernel: str
    label: str

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.option.name == name)

    def page_html(self) -> str:
        head = "".join(f"<th>{text}</th>" for text in HEADS)
        body = "".join(self._row(row) for row in self.rows)
        return (f'<table class="sockscope-options"><caption>{marked(f"`{self.level}` 层")}'
                f"（{escape(self.label)}，{escape(self.kernel)}）</caption><thead><tr>{head}</tr></thead>"
                f"<tbody>{body}</tbody></table>")

    @staticmethod
    def _row(row: Row) -> str:
        name = f"<th><code>{row.option.name}</code><small>{escape(row.option.kind)}</small></th>"
        kinds = ("", "refused" if row.refused else "", "changed" if row.adjusted else "", "")
        texts = (escape(row.default), escape(row.given), escape(row.after), marked(row.option.use))
        cells = (f'<td class="{kind}" data-head="{head}">{text}</td>'
                 for kind, head, text in zip(kinds, HEADS[1:], texts, strict=True))
        return f"<tr>{name}{''.join(cells)}</tr>"

    def __repr__(self) -> str:
        lines = (f"{r.option.name}  {r.default} → {r.given} → {r.after}  {r.option.use}" for r in self.rows)
        return "\n".join([f"{self.level}（{self.label}，{self.kernel}）", *lines])


def printed(level: str = "SOL_SOCKET") -> OptionTable:
    """书页里的选项表：放录制。"""
    return option_table(level, live=False)


@made(page=printed, widget=False)
def option_table(level: str = "SOL_SOCKET", live: bool = True) -> OptionTable:
    """一层的选项表。``live``：现场问内核，问不了的放录制；否则只用录制。层不对抛 ``ValueError``。"""
    if level not in LEVELS:
        raise ValueError(f"没有 {level!r} 这一层；有：{'、'.join(LEVELS)}。")
    wanted = experiments.get("option_values")
    trace = wanted.observe(level=level) if live else experiments.recording(wanted.name, level=level)
    return OptionTable(level, list(rows(trace)), trace.kernel, trace.label)
