"""看到才做：页里的图放进一包（figures/页名），代码的颜色写成一串数；读者走近了，later.js 才把它们做出来。

一页的第一张图不等：它的宽窄两版就在页里（``<template>`` 里的不算节点），排到那里就挑一版放上。
没有脚本的读者、检索和屏幕阅读器，看到的是图的文字版和没有颜色的代码：一样读得懂。
"""

from __future__ import annotations

import re
from html import unescape
from itertools import groupby
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import packs

FIGURE = re.compile(r'(?:<svg [^>]*class="sockscope[ "][^>]*>.*?</svg>)+', re.DOTALL)
FRAMED = re.compile(r'(<div class="sockscope-figure">)<style>.*?</style>', re.DOTALL)
STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
SIZE = re.compile(r'width="([\d.]+)" height="([\d.]+)"')
NAMED = re.compile(r'aria-label="([^"]*)"')
TITLE, DESCRIPTION = (re.compile(rf"<{tag} id=[^>]*>(.*?)</{tag}>", re.DOTALL) for tag in ("title", "desc"))
CODE = re.compile(r'(<div class="highlight"><pre)>(.*?)(</pre></div>)', re.DOTALL)
TOKEN = re.compile(r'<span class="([^"]*)">([^<]*)</span>|<span></span>|([^<]+)')
LONG = re.compile(r'(?:(?<=</p>)<ol class="causes">|(?<=</div></div>)<div class="sockscope-quiz">).*?(?=</section>)', re.DOTALL)
HAPPENED = re.compile(r'(<details data-recording="[^"]*">.*?</pre>)<pre>.*?</pre>', re.DOTALL)
TALL = {"</li><li>": 14, "</details>": 2.6}  # 一个原因、一个选项大约多高，em：还没有做出来时，先占着位置
NARROW = 692  # 容器比这更窄就用窄图，像素；与 later.js 的相同
FIRST = f"""<script>((place) => {{
const shapes = place.querySelectorAll("template"), shape = +(shapes.length > 1 && place.parentElement.clientWidth < {NARROW});
place.dataset.shape = shape;
place.replaceChildren(shapes[shape].content);
}})(document.currentScript.parentElement)</script>"""
SCRIPTS = ("vendor/fzstd/index.js", "packs.js", "take.js")


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：正文里的图换成占着位置的一块，代码换成没有颜色的。"""
    body, drawn = without_figures(context.get("body") or "")
    context["body"] = lighter = CODE.sub(plain, LONG.sub(put_off, HAPPENED.sub(r"\1", body)))
    if drawn:
        packs.write(Path(app.outdir) / "_static", f"figures/{pagename}", drawn)
    if drawn or "data-recording" in lighter:
        app.add_css_file("sockscope/figure.css")
        for script in SCRIPTS:
            app.add_js_file(script, defer="defer", priority=480)
    if drawn or lighter != body:
        app.add_js_file("later.js", defer="defer", priority=495, **{"data-page": pagename})


# ---------------------------------------------------------------- 图

def without_figures(body: str) -> tuple[str, dict[str, list[str]]]:
    """正文里的每张图（宽窄两版）换成占着位置的一块；另一半是 编号 → 那几版。"""
    drawn: dict[str, list[str]] = {}

    def keep(found: re.Match[str]) -> str:
        number = str(len(drawn))
        drawn[number] = shapes = [f"{shape}</svg>" for shape in STYLE.sub("", found[0]).split("</svg>")[:-1]]
        return placeholder(number, shapes, "" if len(drawn) > 1 else first(shapes))

    return FIGURE.sub(keep, FRAMED.sub(r"\1", body)), drawn


def placeholder(number: str, shapes: list[str], more: str = "") -> str:
    """图的位置：宽窄两版的大小写在样式里，图来了，页面不跳；里面是图的文字版，给没有脚本的读者，和 ``more``。"""
    (wide, high), (narrow, tall) = (SIZE.search(shape).groups() for shape in (shapes[0], shapes[-1]))  # type: ignore[union-attr]
    return (f'<div class="ss-later" data-figure="{number}" style="--w:{wide};--h:{high};--nw:{narrow};--nh:{tall}">'
            f"<noscript><pre>{words(shapes[0])}</pre></noscript>{more}</div>")


def first(shapes: list[str]) -> str:
    """就在页里的一张图。"""
    return "".join(f"<template>{shape}</template>" for shape in shapes) + FIRST


def words(figure: str) -> str:
    """图的文字版：一行一件事。"""
    for pattern in (DESCRIPTION, NAMED, TITLE):
        if found := pattern.search(figure):
            return found[1]
    return ""


# ---------------------------------------------------------------- 一长串的文字

def put_off(found: re.Match[str]) -> str:
    """一个症状的全部原因、一道谜题的全部选项：有脚本时走近了才做成节点。"""
    tall = 3 + sum(found[0].count(mark) * each for mark, each in TALL.items())
    return f'<div class="ss-part" style="min-height:{tall:.0f}em"><noscript>{found[0]}</noscript></div>'


# ---------------------------------------------------------------- 代码

def plain(found: re.Match[str]) -> str:
    """一段代码去掉上色的 ``<span>``；哪几个字是什么记在 ``data-tokens``：字数（UTF-16）后面跟着 Pygments 的类名。"""
    tokens = [(kind or "", text or bare) for kind, text, bare in TOKEN.findall(found[2])]
    if TOKEN.sub("", found[2]) or not any(kind for kind, _ in tokens):
        return found[0]  # 认不出的写法，或者本来就没有颜色：照旧
    runs = [(kind, "".join(text for _, text in run)) for kind, run in groupby(tokens, key=lambda token: token[0])]
    told = " ".join(f"{units(text)}{kind}" for kind, text in runs)
    return f'{found[1]} data-tokens="{told}">{"".join(text for _, text in runs)}{found[3]}'


def units(text: str) -> int:
    """脚本里的字数：UTF-16 的码元。"""
    return len(unescape(text).encode("utf-16-le")) // 2


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
