"""页面：每页只带它用得着的脚本，并让它知道自己是哪一本笔记本。"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# 脚本名里有左边的字样时，正文里要有右边的字样才留下；None 表示从不需要。
NEEDED_BY = {
    "thebe": None,
    "html-manager": WIDGET_VIEW,
    "requirejs": WIDGET_VIEW,
    "vendor/mathjax": 'class="math',
    "design-tabs": "sd-tab-set",
    "togglebutton": "toggle",
    "clipboard": "highlight",
    "copybutton": "highlight",
}


def needed(script: str, body: str) -> bool:
    """这个脚本在这样一页正文上有没有用处。"""
    for word, mark in NEEDED_BY.items():
        if word in script:
            return mark is not None and mark in body
    return True


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> str | None:
    """``html-page-context``：去掉用不着的脚本，写下来源。无返回值时 Sphinx 用原来的模板。"""
    body = context.get("body") or ""
    context["script_files"] = [
        script for script in context["script_files"]
        if needed(str(getattr(script, "filename", script)), body)
        and not (getattr(script, "attributes", {}).get("body") or "").startswith("const THEBE")
    ]
    context["notebook_source"] = f"{pagename}.ipynb" if context.get("page_source_suffix") == ".ipynb" else ""
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
