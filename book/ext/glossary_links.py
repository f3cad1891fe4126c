"""正文里的术语：一页里第一次出现的，连到附录 C 的那一行；鼠标或焦点停在上面，preview.js 给出它的意思。"""

from __future__ import annotations

import re
from functools import cache

from docutils import nodes
from sphinx.application import Sphinx

from sockscope.pages.terms import terms

GLOSSARY = "book/appendix_c"
INSIDE = (nodes.paragraph, nodes.list_item)
NOT_IN = (nodes.reference, nodes.literal, nodes.title, nodes.caption, nodes.rubric, nodes.strong, nodes.table)
SHORT = 2  # 一个字的词太常见，不连


@cache
def anchors() -> dict[str, str]:
    """词 → 附录 C 里的锚点。"""
    return {term.zh: term.name for term in terms() if len(term.zh) >= SHORT and re.search(r"[一-鿿]", term.zh)}


@cache
def pattern() -> re.Pattern[str]:
    """任何一个术语，长的先认。"""
    return re.compile("|".join(re.escape(word) for word in sorted(anchors(), key=len, reverse=True)))


def link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """``doctree-resolved``：各章正文里的术语，每个连一次。"""
    if app.builder.format != "html" or not docname.startswith("chapters/"):
        return
    seen: set[str] = set()
    there = app.builder.get_relative_uri(docname, GLOSSARY)
    for text in list(doctree.findall(nodes.Text)):
        if _in_prose(text) and (parts := _split(text.astext(), seen, there)):
            text.parent.replace(text, parts)


def _in_prose(text: nodes.Text) -> bool:
    """在段落里，又不在链接、代码、标题里，也不在折着的那一行上（folds.py）。"""
    at, prose = text.parent, False
    while at is not None:
        if isinstance(at, NOT_IN) or at.get("pressed"):
            return False
        prose = prose or isinstance(at, INSIDE)
        at = at.parent
    return prose


def _split(text: str, seen: set[str], there: str) -> list[nodes.Node]:
    """一段文字切成文字与链接；没有新的术语则为空。"""
    parts: list[nodes.Node] = []
    at = 0
    for found in pattern().finditer(text):
        if found[0] in seen:
            continue
        seen.add(found[0])
        parts += [nodes.Text(text[at:found.start()]),
                  nodes.reference("", found[0], refuri=f"{there}#{anchors()[found[0]]}", classes=["term"], internal=True)]
        at = found.end()
    return [*parts, nodes.Text(text[at:])] if parts else []


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", link, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
