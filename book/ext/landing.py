"""首页：一张活的图。它是一个真的实验的录制，只有一个开关；其余由 landing.js 和检索的引擎来。"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from explorer_static import PARTS, bring
from sockscope.widgets.explorer import Page

EXPERIMENT = "lost_datagram"
PLACE = '<div class="alive"></div>'


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：首页的空位换成交互实验。"""
    body = context.get("body") or ""
    if pagename == "index" and PLACE in body:
        context["body"] = body.replace(PLACE, f'<div class="alive">{Page(EXPERIMENT)._repr_html_()}</div>')
        bring(app, (*PARTS["widgets.explorer"], "landing.js", "landing.css"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
