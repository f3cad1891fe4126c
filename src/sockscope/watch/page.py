"""一条轨迹的网页：一个文件，图、每个事件的说明和字节、文字版、抓包文件都在里面；不取任何别的东西，从文件打开也一样。"""

from __future__ import annotations

import base64
import json
from html import escape
from typing import Any

from sockscope.places import PACKAGE
from sockscope.render import framed, pcap, svg, text, words
from sockscope.render.sheets import sheet
from sockscope.trace import Trace, dumps

__all__ = ["render"]

PAGE = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
<h1>{title}</h1>
<p class="origin">{origin}</p>
{figure}
<section id="told" aria-live="polite" hidden></section>
<p class="files">{files}</p>
<details><summary>文字版</summary><pre>{text}</pre></details>
<script type="application/json" id="events">{events}</script>
<script>{script}</script>
</html>
"""


def render(trace: Trace, details: bool = False) -> str:
    """轨迹 → 一份自足的网页。"""
    title = trace.title or "看得见的套接字"
    return PAGE.format(
        title=escape(title), style=sheet("watch/page.css"), text=escape(text.render(trace, details=details)),
        origin=escape(f"{trace.label} · {trace.kernel} · 点图里的箭头、调用、状态，看它的说明和字节。"),
        figure=framed(*(svg.render(trace, width=width, details=details) for width in ("wide", "narrow"))),
        files="　".join(_files(trace)),
        events=_embedded([_told(trace, index) for index in range(len(trace.events))]),
        script=(PACKAGE / "watch/page.js").read_text(encoding="utf-8"))


def _told(trace: Trace, index: int) -> dict[str, Any]:
    """一个事件的说明：题目、几句话、分块的字节。"""
    found = words.explain(trace, index)
    return {"title": found["title"], "lines": found["lines"], "hex": found["hex"]}


def _files(trace: Trace) -> list[str]:
    """抓包文件和轨迹，就装在网页里。"""
    found = [("轨迹（JSON）", "trace.json", "application/json", dumps(trace).encode())]
    if trace.capture == "cable":
        found.insert(0, ("抓包（pcapng）", "trace.pcapng", "application/octet-stream", pcap.dumps(trace)))
    return [f'<a download="{name}" href="data:{kind};base64,{base64.b64encode(data).decode()}">{title}</a>'
            for title, name, kind, data in found]


def _embedded(value: Any) -> str:
    """放进 <script> 的 JSON：里面的 < 换个写法，就不会提前结束。"""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
