"""页面：每页只带它用得着的脚本，写明内容安全策略，并让它知道自己是哪一本笔记本。"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from sockscope.serve.policy import POLICY

# 脚本名里有左边的字样时，正文里要有右边的字样才留下；None 表示从不需要。
NEEDED_BY = {
    "sphinx_highlight": None,
    "doctools": None,        # 快捷键由 search.js 管，模块索引这本书没有；译文只给 doctools 用
    "translations": None,
    "thebe": None,
    "THEBE": None,
    "require.js": None,      # 书里没有 ipywidgets 的部件，也没有公式：这几样从不带上
    "embed-amd": None,
    "mathjax": None,
    "design-tabs": "sd-tab-set",
    "togglebutton": "toggle",
    "clipboard": "highlight",
    "copybutton": "highlight",
}
AT_ONCE = "documentation_options"  # 页首的另一句脚本要改它；别的脚本等页面排完再运行，谁也不挡着文字


def needed(script: str, body: str) -> bool:
    """这个脚本在这样一页正文上有没有用处。"""
    for word, mark in NEEDED_BY.items():
        if word in script:
            return mark is not None and mark in body
    return True


# Jupyter Book 1 固定带上 thebe，它要向外部请求；连同正文里的配置一起去掉。
THEBE = re.compile(r'\s*<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName = .*?</script>', re.DOTALL)
UNTRANSLATED = {
    'title="Link to this heading"': 'title="这一节的链接"',
    'title="Link to this image"': 'title="这张图的链接"',
    'title="Link to this table"': 'title="这张表的链接"',
    'title="Link to this code"': 'title="这份清单的链接"',
}


EXPLORER = re.compile(r'<div class="sockscope-explorer"')
INLINE = '<code class="docutils literal notranslate">'
CELL = re.compile(r'<div class="cell(?=[ "])')
WRAPPED = re.compile(r'<span class="pre">([^<]*)</span>')
SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)
PARTS = re.compile(r'<span class="[nopw]">([^<]*)</span>')


def cleaned(body: str) -> str:
    """去掉正文里的 thebe 配置和没有人用的 ``<span>``，补上 Sphinx 漏译的几个提示。"""
    body = WRAPPED.sub(r"\1", THEBE.sub("", body))
    body = body.replace(INLINE, "<code>")
    body = body.replace(' class="headerlink"', ' class="headerlink" tabindex="-1"')  # 本页内容里有同样的链接
    body = SIGNATURE.sub(lambda found: PARTS.sub(r"\1", found[0]), body)
    for english, chinese in UNTRANSLATED.items():
        body = body.replace(english, chinese)
    return body


def named(body: str, notebook: Path) -> str:
    """每个代码单元格带着自己的名字：``#cell-half-close`` 就到得了它。"""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    names = iter([cell["id"] for cell in cells if cell["cell_type"] == "code"])
    return CELL.sub(lambda found: f'<div id="cell-{next(names)}" class="cell', body)


def identity(asset: Any) -> str:
    """脚本或样式的路径；直接写在页面里的脚本则是它的内容。"""
    return str(getattr(asset, "filename", asset) or getattr(asset, "attributes", {}).get("body", ""))


def once(scripts: list[Any]) -> list[Any]:
    """几处都要的同一个脚本只带一份，次序靠前的那份。"""
    first: dict[str, Any] = {}
    for script in sorted(scripts, key=lambda script: getattr(script, "priority", 0)):
        first.setdefault(identity(script), script)
    return list(first.values())


def waiting(script: Any) -> Any:
    """等页面排完再运行的脚本；次序不变。"""
    if getattr(script, "filename", None) and AT_ONCE not in script.filename and "async" not in script.attributes:
        script.attributes["defer"] = "defer"
    return script


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> str | None:
    """``html-page-context``：去掉用不着的脚本，写下来源。无返回值时 Sphinx 用原来的模板。"""
    app.add_js_file("memory.js", defer="defer", priority=700, **{"data-page": pagename})
    body = context["body"] = cleaned(context.get("body") or "")
    if context.get("page_source_suffix") == ".ipynb":
        body = context["body"] = named(body, Path(app.srcdir) / f"{pagename}.ipynb")
    context["script_files"] = [waiting(script) for script in once(context["script_files"]) if needed(identity(script), body)]
    context["css_files"] = [style for style in context["css_files"] if "thebe" not in identity(style)]
    context["metatags"] = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n{context.get("metatags", "")}'
    if found := EXPLORER.search(body):
        context["first_explorer"] = "first-explorer"
        context["body"] = f'{body[:found.end()]} id="first-explorer" tabindex="-1"{body[found.end():]}'
    context["notebook_source"] = f"{pagename}.ipynb" if context.get("page_source_suffix") == ".ipynb" else ""
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
