"""放到网上的书：sitemap.xml、robots.txt 和分享时的卡片。地址写在 ``_config.yml`` 的 ``html.baseurl``，空着就一样也没有。"""

from __future__ import annotations

import shutil
from html import escape
from pathlib import Path

from sphinx.application import Sphinx

CARD = Path(__file__).parents[1] / "_assets" / "card.png"
UNLISTED = {"404", "search", "genindex"}


def write(app: Sphinx, problem: Exception | None) -> None:
    """``build-finished``：一页一行，照书里的次序。"""
    address = (app.config.html_baseurl or "").rstrip("/")
    if problem is not None or app.builder.format != "html" or not address:
        return
    out = Path(app.outdir)
    pages = [page for page in sorted(app.env.found_docs) if page not in UNLISTED]
    (out / "sitemap.xml").write_text(sitemap(address, pages), encoding="utf-8")
    (out / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {address}/sitemap.xml\n", encoding="utf-8")
    shutil.copy(CARD, out / "card.png")


def sitemap(address: str, pages: list[str]) -> str:
    """sitemaps.org 0.9 的一份。"""
    rows = "".join(f"<url><loc>{escape(f'{address}/{page}.html')}</loc></url>\n" for page in pages)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
            f"{rows}</urlset>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
