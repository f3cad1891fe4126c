"""书里的短句与表格：反引号里的名字写成代码。"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from sockscope.cells.made import made_from

__all__ = ["Table", "marked"]

STYLE = """
.sockscope-table{border-collapse:collapse;width:100%;table-layout:auto!important}
.sockscope-table tr{border-bottom:1px solid #8884}
.sockscope-table td,.sockscope-table th{text-align:left!important;vertical-align:top;padding:.4em .8em .4em 0}
.sockscope-table td:nth-child(2){white-space:nowrap;font-weight:600}
.sockscope-table small{opacity:.8;display:block}.sockscope-table small a{white-space:nowrap}
.sockscope-table caption{caption-side:bottom;text-align:left;font-size:.85em;padding-top:.5em}
@media (max-width:640px){
.sockscope-table thead{display:none}
.sockscope-table :is(tbody,tr,td,caption){display:block}
.sockscope-table tr{padding:.5em 0}.sockscope-table td{padding:.1em 0!important;border:0!important}
}
"""


LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)]+)\)")  # [第 03 章](../chapters/03_connecting.ipynb)


def marked(text: str) -> str:
    """一句话的 HTML。反引号里的 close() 这样的名字变成 ``<code>``，``[字](地址)`` 变成链接，换行之后的是小字。"""
    first, *rest = text.split("\n")
    small = "".join(f"<small>{marked(line)}</small>" for line in rest)
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(first))
    return LINK.sub(r'<a href="\2">\1</a>', coded) + small


@made_from("heads", "rows", "caption")
class Table:
    """一张三列的表：第二列是裁决或有无，不换行。``caption`` 写在表下。"""

    def __init__(self, heads: Iterable[str], rows: Iterable[Iterable[str]], caption: str = "") -> None:
        self.heads, self.rows, self.caption = list(heads), [list(row) for row in rows], caption

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{marked(text)}</th>" for text in self.heads)
        body = "".join("<tr>" + "".join(f"<td>{marked(text)}</td>" for text in row) + "</tr>" for row in self.rows)
        caption = f"<caption>{marked(self.caption)}</caption>" if self.caption else ""
        return (f'<style>{STYLE}</style><table class="sockscope-table">{caption}'
                f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")

    def __repr__(self) -> str:
        return "\n".join(LINK.sub(r"\1", "  ".join(row)).replace("\n", "  ") for row in self.rows)
