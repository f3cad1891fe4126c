"""书里的短句与表格：反引号里的名字写成代码。"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from sockscope.cells.made import made_from
from sockscope.render.sheets import Sheeted

__all__ = ["Block", "Html", "Table", "marked"]



LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)]+)\)")  # [第 03 章](../chapters/03_connecting.ipynb)


def marked(text: str) -> str:
    """一句话的 HTML。反引号里的 close() 这样的名字变成 ``<code>``，``[字](地址)`` 变成链接，换行之后的是小字。"""
    first, *rest = text.split("\n")
    small = "".join(f"<small>{marked(line)}</small>" for line in rest)
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(first))
    return LINK.sub(r'<a href="\2">\1</a>', coded) + small


class Block(Sheeted):
    """书里由本包做成的一块：样式都在 ``pages.css``。"""

    SHEETS = ("pages/pages.css",)


@dataclass(frozen=True)
class Html(Block):
    """一段写好的网页，和它的文字形式。"""

    html: str
    plain: str = ""

    def page_html(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.plain


@made_from("heads", "rows", "caption")
class Table(Block):
    """一张三列的表：第二列是裁决或有无，不换行。``caption`` 写在表下；``names`` 是各行的锚点，没有就不写。"""

    def __init__(self, heads: Iterable[str], rows: Iterable[Iterable[str]], caption: str = "",
                 names: Iterable[str] = ()) -> None:
        self.heads, self.rows, self.caption = list(heads), [list(row) for row in rows], caption
        self.names = [f' id="{escape(name)}"' for name in names] or [""] * len(self.rows)

    def page_html(self) -> str:
        head = "".join(f"<th>{marked(text)}</th>" for text in self.heads)
        body = "".join(f"<tr{name}>" + "".join(f"<td>{marked(text)}</td>" for text in row) + "</tr>"
                       for name, row in zip(self.names, self.rows, strict=True))
        caption = f"<caption>{marked(self.caption)}</caption>" if self.caption else ""
        return (f'<table class="sockscope-table">{caption}'
                f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")

    def __repr__(self) -> str:
        return "\n".join(LINK.sub(r"\1", "  ".join(row)).replace("\n", "  ") for row in self.rows)
