"""单元格输出里指向别的章的链接：``../chapters/05_closing.ipynb#没读完就走`` 换成那一页那一节真正的锚点。

笔记本里的地址给 Lab 用；Sphinx 给中文标题的锚点是 id12 这样的编号，只有构建完全部页面才知道。
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import unquote

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

LINK = re.compile(r'href="\.\./(chapters/\w+|book/\w+)\.ipynb(?:#([^"]*))?"')
logger = logging.getLogger(__name__)


def anchors(app: Sphinx, page: str) -> dict[str, str]:
    """一页里 标题 → 锚点；空格写成连字符，重复的标题取第一个。"""
    found: dict[str, str] = {}
    for reference in app.env.tocs[page].findall(nodes.reference):
        found.setdefault(reference.astext().replace(" ", "-"), reference.get("anchorname", ""))
    return found


def resolve(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：换掉正文里的链接；找不到那一节就警告，警告就是错误。"""
    def replace(match: re.Match[str]) -> str:
        page, title = match[1], unquote(unescape(match[2] or ""))
        if page not in app.env.tocs:
            logger.warning("链接指向没有的一页：%s", page, location=pagename)
            return match[0]
        anchor = anchors(app, page).get(title) if title else ""
        if anchor is None:
            logger.warning("第 %s 页没有“%s”这一节", page, title, location=pagename)
        return f'href="{context["pathto"](page).removesuffix("#")}{anchor or "#"}"'

    context["body"] = LINK.sub(replace, context.get("body") or "")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
