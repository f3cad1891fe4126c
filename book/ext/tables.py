"""左上角空着的表，第一列是各行的标题：屏幕阅读器念一格时，念得出它是哪一行、哪一列。"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
CORNER = re.compile(r"<th\b[^>]*>(?:<p></p>)?</th>")
BODY = re.compile(r"<tbody>.*?</tbody>", re.DOTALL)
FIRST = re.compile(r"(<tr\b[^>]*>\s*)<td\b([^>]*)>(.*?)</td>", re.DOTALL)


def headed(table: str) -> str:
    """一张表：空的角不是标题，每一行的第一格是。角上有字的表照旧。"""
    plain, empty = CORNER.subn("<td></td>", table, count=1)
    return BODY.sub(lambda body: FIRST.sub(r'\1<th scope="row"\2>\3</th>', body[0]), plain) if empty else table


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：正文里的每张表。"""
    if context.get("body"):
        context["body"] = TABLE.sub(lambda table: headed(table[0]), context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress, priority=790)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
