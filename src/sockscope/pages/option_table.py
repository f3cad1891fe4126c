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
from sockscope.pages.prose import marked
from sockscope.trace import Call, Trace

__all__ = ["OptionTable", "Row", "option_table", "rows"]

STYLE = """
.sockscope-options{border-collapse:collapse;width:100%;table-layout:auto!important;font-size:.92em}
.sockscope-options caption{text-align:left;padding:.2em 0 .5em;opacity:.85}
.sockscope-options th,.sockscope-options td{text-align:left!important;vertical-align:top;
padding:.35em .9em .35em 0!important;border-bottom:1px solid #8884}
.sockscope-options thead th{border-bottom:2px solid #8886}
.sockscope-options tbody th{font-weight:400;white-space:nowrap}
.sockscope-options tbody th small{display:block;opacity:.75}
.sockscope-options td.changed{font-weight:600}.sockscope-options td.refused{opacity:.75}
.sockscope-options td:last-child{width:42%}
@media (max-width:640px){
.sockscope-options thead{display:none}.sockscope-options :is(tbody,tr,td,th,caption){display:block}
.sockscope-options tr{padding:.5em 0;border-bottom:1px solid #8884}
.sockscope-options :is(td,tbody th){padding:.1em 0!important;border:0!important}
.sockscope-options td{display:inline-block!important;margin-right:1.4em}
.sockscope-options td:last-child{display:block!important;width:auto}
.sockscope-options tbody th small{display:inline;margin-left:.8em}
.sockscope-options td::before{content:attr(data-head);opacity:.7;margin-right:.5em;font-weight:400}
}
"""
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
class OptionTable:
    """一层的选项。``label`` 说明它是 实时 还是 录制。"""

    level: str
    rows: list[Row]
    kernel: str
    label: str

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.option.name == name)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{text}</th>" for text in HEADS)
        body = "".join(self._row(row) for row in self.rows)
        return (f'<style>{STYLE}</style><table class="sockscope-options"><caption>{marked(f"`{self.level}` 层")}'
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


@made(page=printed)
def option_table(level: str = "SOL_SOCKET", live: bool = True) -> OptionTable:
    """一层的选项表。``live``：现场问内核，问不了的放录制；否则只用录制。层不对抛 ``ValueError``。"""
    if level not in LEVELS:
        raise ValueError(f"没有 {level!r} 这一层；有：{'、'.join(LEVELS)}。")
    wanted = experiments.get("option_values")
    trace = wanted.observe(level=level) if live else experiments.recording(wanted.name, level=level)
    return OptionTable(level, list(rows(trace)), trace.kernel, trace.label)
