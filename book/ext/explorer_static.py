"""书页里的交互实验：只有用到它的页面才带上脚本；每条录制写成一个脚本，点到才取。

构建时设 ``SOCKSCOPE_BOOK``，单元格里的 ``explorer(...)`` 因此给出静态的一份（见 sockscope.explorer.Page）。
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

os.environ["SOCKSCOPE_BOOK"] = "1"

from sockscope import experiments
from sockscope.render.palette import stylesheet
from sockscope.report import origin, report
from sockscope.widget import HERE

MARK = re.compile(r'class="sockscope-explorer" data-start="[^"]*?&quot;name&quot;: &quot;(\w+)&quot;')
STYLE = re.compile("<style>.*?</style>", re.DOTALL)
SCRIPTS = ("sockscope/explorer.js", "host.js")
STYLES = ("sockscope/figure.css", "sockscope/explorer.css")


def classic(module: str) -> str:
    """ES 模块 → 普通脚本：file:// 上浏览器不许加载模块。只改出口那一处。"""
    return "(() => {\n" + module.replace("export default {", "window.sockscopeExplorer = {") + "\n})();\n"


def scripts(name: str) -> Iterator[tuple[str, str]]:
    """一个实验的全部录制脚本：``(文件名, 内容)``；剪掉第 k 个包的那次叫 ``变体~k``。"""
    wanted, recorded = experiments.get(name), experiments.Recording.load(name)
    for key, trace in recorded.variants.items():
        yield key, _script(wanted, key, trace, [])
    for key, group in recorded.drops.items():
        for place, (signature, trace) in enumerate(group.items()):
            yield f"{key}~{place}", _script(wanted, f"{key}~{place}", trace, [signature])


def _script(wanted: experiments.Experiment, key: str, trace: Any, drop: list[str]) -> str:
    made = report(wanted, drop, trace, origin(trace))
    made |= {shape: STYLE.sub("", made[shape], count=1) for shape in ("wide", "narrow")}  # 样式一页一份，见 figure.css
    body = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    return f"sockscopeRecorded({json.dumps(wanted.name)},{json.dumps(key)},{body});\n"


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：有交互实验的页面才带脚本与样式，并记下它用了哪些实验。"""
    found = MARK.findall(context.get("body") or "")
    if not found:
        return
    app.env.sockscope_used = getattr(app.env, "sockscope_used", set()) | set(found)
    for style in STYLES:
        app.add_css_file(style)
    for script in SCRIPTS:
        app.add_js_file(script, defer="defer")


def write(app: Sphinx, problem: Exception | None) -> None:
    """``build-finished``：写下部件的脚本、样式，和用到的实验的录制。"""
    used = getattr(app.env, "sockscope_used", set())
    if problem or app.builder.format != "html" or not used:
        return
    static = Path(app.outdir) / "_static"
    (static / "sockscope").mkdir(exist_ok=True)
    (static / "sockscope" / "explorer.js").write_text(classic((HERE / "explorer.js").read_text()))
    (static / "sockscope" / "explorer.css").write_text((HERE / "explorer.css").read_text())
    (static / "sockscope" / "figure.css").write_text(stylesheet())
    for name in sorted(used):
        folder = static / "recordings" / name
        folder.mkdir(parents=True, exist_ok=True)
        for key, text in scripts(name):
            (folder / f"{key}.js").write_text(text)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
