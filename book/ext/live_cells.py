"""书页里能运行的单元格：书里带着页内内核（``make page-kernel``）时，各章带上 cells.js，和各格的名字与次序。

页上的 ``div.cell`` 与笔记本的代码单元格一一对应；看得见的源码页上已经有了，只写藏起来的那些。
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from explorer_static import PARTS, bring, page_kernel
from sockscope.cells.needs import needs
from sockscope.cells.recordings import code_cells

HIDDEN = "remove-input"
SCRIPTS = (*PARTS["widgets.explorer"], "cells.js", "cells.css")


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：正文后面添上各格的表。"""
    source = Path(app.srcdir) / f"{pagename}.ipynb"
    if not page_kernel() or context.get("page_source_suffix") != ".ipynb" or not pagename.startswith("chapters/"):
        return
    told = table(f"{pagename}.ipynb", json.loads(source.read_text(encoding="utf-8")))
    if all("source" in cell for cell in told["cells"]):
        return
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    context["body"] = f'{context.get("body") or ""}<script type="application/json" id="sockscope-cells">{text}</script>'
    bring(app, SCRIPTS)


def table(name: str, notebook: dict[str, Any]) -> dict[str, Any]:
    """各格：``id``、``needs``（要先运行的几格，从 0 数），藏起来的还有 ``source``。"""
    hidden = {cell["id"] for cell in notebook["cells"] if HIDDEN in cell["metadata"].get("tags", [])}
    cells = list(code_cells(notebook))
    return {"notebook": name, "cells": [
        {"id": cell, "needs": before} | ({"source": source} if cell in hidden else {})
        for (cell, source), before in zip(cells, needs([source for _, source in cells]), strict=True)]}


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
