"""全书的检索：一份索引，写成一个脚本，读者开始搜了才取；搜索页和 404 页用同一份。

索引里是每一节的标题和文字、书里的条目（症状、错误码、术语、说法）、每个词教在哪里（``words.py``）。怎样排次序是
``book/_assets/search_engine.js`` 的事。内容压过（deflate）再写成 base64：在 file:// 上也读得到，也不靠服务器来压。
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import entries
import sections
import words
from sections import Section
from sockscope import experiments
from sockscope.serve.policy import POLICY

INDEX = "search-index.js"
KINDS = ("", "症状", "错误码", "术语", "说法", "接口")
EXPLORER = re.compile(r'explorer\(\s*"(\w+)"')


def collect(app: Sphinx) -> list[Section]:
    """全书的小节与条目，照目录的次序。一次构建里只收集一次。"""
    if not hasattr(app, "sockscope_sections"):
        found = list(sections.everything(app.env))
        logs = entries.logs()
        for section in found:
            if section.page.startswith("chapters/13"):
                section.lines += logs.get(section.title, [])
            for name in EXPLORER.findall("\n".join(section.code)):
                section.texts += [experiments.get(name).title, experiments.get(name).question]
        found += sections.interfaces(app.env, "book/appendix_g")
        app.sockscope_sections = [*found, *entries.everything()]  # type: ignore[attr-defined]
    return app.sockscope_sections  # type: ignore[attr-defined,no-any-return]


def taught(app: Sphinx) -> list[words.Word]:
    """索引里的词。一次构建里只算一次。"""
    if not hasattr(app, "sockscope_words"):
        app.sockscope_words = words.words(collect(app))  # type: ignore[attr-defined]
    return app.sockscope_words  # type: ignore[attr-defined,no-any-return]


def index(found: list[Section], known: list[words.Word]) -> dict[str, Any]:
    """索引的内容：``pages`` 是书页，``sections`` 是小节，``words`` 是词和教它的小节的号码。"""
    pages = list(dict.fromkeys(section.page for section in found))
    titles = {section.page: section.title for section in found if not section.above}
    number = {id(section): place for place, section in enumerate(found)}
    return {
        "pages": [[page, titles[page]] for page in pages],
        "kinds": KINDS,
        "sections": [[pages.index(s.page), s.anchor, KINDS.index(s.kind), s.title, " › ".join(s.above[1:]), s.text,
                      "\n".join(s.lines), " ".join(s.names), round(100 * _worth(s))] for s in found],
        "words": words.as_json(known, number),
    }


def _worth(section: Section) -> float:
    """一节在结果里的分量：正文为 1。"""
    return {"说法": 0.35, "接口": 0.4}.get(section.kind) or max(0.15, words.weight(section))


def script(content: dict[str, Any]) -> str:
    """索引写成的脚本：``sockscopeSearchIndex("…")``。"""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()) + packer.flush()
    return f'sockscopeSearchIndex("{base64.b64encode(packed).decode()}");\n'


# ---------------------------------------------------------------- Sphinx

def replace(app: Sphinx) -> None:
    """``builder-inited``：不做 Sphinx 自己的检索。"""
    if app.builder.format == "html":
        app.builder.search = False  # type: ignore[attr-defined]


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """``html-collect-pages``：搜索页，和找不到一页时的那一页。"""
    yield "search", {"title": "搜索"}, "search.html"
    yield "404", {"title": "没有这一页", "policy": POLICY}, "404.html"


def write(app: Sphinx, problem: Exception | None) -> None:
    """``build-finished``：写下索引。"""
    if problem is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / INDEX
        target.write_text(script(index(collect(app), taught(app))), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", replace)
    app.connect("html-collect-pages", pages)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
