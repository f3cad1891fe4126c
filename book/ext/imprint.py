"""一页的来历：它说什么（description），录制于哪个内核、哪一版，在网上的地址（og:），哪里不对可以告诉谁。

网上的地址写在 ``_config.yml`` 的 ``html.baseurl``，仓库的地址写在 ``repository.url``；空着，就一样也不写。
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import cache
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sphinx.application import Sphinx

from contents import summaries
from sockscope.cells.recordings import Book, book_notebooks

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
SERIES = re.compile(r"Linux \d+\.\d+")
VIEWPORT = re.compile(r'<meta name="viewport"[^>]*>\s*')
SECTION = re.compile(r'<section id="([^"]+)">')
HEADING = re.compile(r'<h[1-6]>(.*?)<a class="headerlink"')
CELL = re.compile(r'id="cell-([\w-]+)"')
END = re.compile(r"(?:</div></details>\s*)?</section>")
TAG = re.compile(r"<[^>]*>")


@cache
def version() -> str:
    """书的版本，与程序的是同一个。"""
    return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])


@cache
def usual() -> str:
    """书里的录制多半来自哪个内核。"""
    kernels = Counter(Book.load(notebook).kernel for notebook in book_notebooks())
    return kernels.most_common(1)[0][0]


def kernel(page: str) -> str:
    """一页的录制来自哪一系列的内核：``Linux 6.18``。"""
    found = SERIES.match(Book.load(f"{page}.ipynb").kernel or usual())
    return found[0] if found else ""


# ---------------------------------------------------------------- 页首的几行

def metas(title: str, summary: str, url: str, book: str, page: str) -> list[tuple[str, str, str]]:
    """``<meta>`` 的 (属性, 名字, 内容)；没有网上的地址，就只有 description。"""
    told = [("name", "description", summary)] if summary else []
    if url:
        told += [("property", f"og:{name}", text) for name, text in (
            ("type", "article"), ("site_name", book), ("locale", "zh_CN"), ("title", title), ("description", summary),
            ("url", url), ("image", f"{url.removesuffix(f'{page}.html')}card.png")) if text]
    return told


# ---------------------------------------------------------------- 这里不对

def reportable(body: str, repository: str, page: str, kernel: str) -> str:
    """每一节末尾一个“这里不对”：问题里已经写着书页、单元格、内核。"""
    starts = [found.start() for found in SECTION.finditer(body)]
    parts = [body[from_:to] for from_, to in zip([0, *starts], [*starts, len(body)], strict=True)]
    return "".join(_with_link(part, repository, page, kernel) for part in parts)


def _with_link(part: str, repository: str, page: str, kernel: str) -> str:
    opened, heading = SECTION.match(part), HEADING.search(part)
    if not opened or not heading:
        return part
    title = unescape(TAG.sub("", heading[1]))
    lines = [f"书页：{page}#{opened[1]}", f"单元格：{'、'.join(CELL.findall(part)) or '无'}",
             f"内核：书里是 {kernel}，我的是：", "", "哪里不对："]
    href = f"{repository.rstrip('/')}/issues/new?title={quote(f'{page}：{title}')}&body={quote(chr(10).join(lines))}"
    link = f'<p class="wrong-here"><a href="{escape(href)}">这里不对</a></p>'
    end = found.start() if (found := END.search(part)) else len(part)
    return part[:end] + link + part[end:]


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：页脚要的几个字，页首的几行；配了仓库的地址，每节末尾一个链接。"""
    context["book_version"], context["book_kernel"] = version(), kernel(pagename)
    address = app.config.html_baseurl
    told = metas(unescape(TAG.sub("", context.get("title") or app.config.project)), summaries().get(pagename, ""),
                 f"{address.rstrip('/')}/{pagename}.html" if address else "", app.config.project, pagename)
    lines = "".join(f'<meta {kind}="{name}" content="{escape(text)}"/>\n' for kind, name, text in told)
    context["metatags"] = VIEWPORT.sub("", context.get("metatags") or "") + lines
    repository = context.get("theme_repository_url")
    if repository and context.get("body") and doctree is not None:
        context["body"] = reportable(context["body"], repository, pagename, kernel(pagename))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress, priority=850)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
