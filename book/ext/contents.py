"""书名页的目录：每一页下面一句话，写在 ``book/summaries.toml``；末尾是索引。"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

INDEX = ('<li class="toctree-l1"><a class="reference internal" href="genindex.html">索引'
         "<small>每个词教在哪里。</small></a></li>")
SUMMARIES = Path(__file__).parents[1] / "summaries.toml"
ITEM = re.compile(r'(<li class="toctree-l1"><a class="reference internal" href="([\w/]+)\.html">[^<]*)(</a>)')
logger = logging.getLogger(__name__)


@cache
def summaries() -> dict[str, str]:
    """书页 → 它的一句话。"""
    return tomllib.loads(SUMMARIES.read_text(encoding="utf-8"))


def told(body: str) -> str:
    """目录里的每一行，添上那一页的一句话；没有写的给警告，警告就是错误。"""
    def add(match: re.Match[str]) -> str:
        if match[2] not in summaries():
            logger.warning("book/summaries.toml 里没有 %s 的一句话", match[2])
        return f'{match[1]}<small>{escape(summaries().get(match[2], ""))}</small>{match[3]}'

    return ITEM.sub(add, body)


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：只动书名页。"""
    if pagename == app.config.root_doc:
        body = told(context["body"])
        end = body.rindex("</ul>")
        context["body"] = body[:end] + INDEX + body[end:]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
