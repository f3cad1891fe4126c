"""样式表：一份 CSS 写在用它的模块旁边，里面的颜色都是 ``palette.properties()`` 给的自定义属性。

一样东西独自显示时（Lab、nbconvert）自带样式；书页里只要它的内容，样式一页引一份文件（``book/ext/explorer_static.py``）。
"""

from __future__ import annotations

from functools import cache
from typing import ClassVar

from sockscope.places import PACKAGE
from sockscope.render.palette import properties

__all__ = ["Sheeted", "rules", "sheet", "style"]


@cache
def rules(name: str) -> str:
    """包里的一份 CSS，如 ``pages/pages.css``。"""
    return (PACKAGE / name).read_text(encoding="utf-8")


def sheet(*names: str) -> str:
    """几份 CSS 连同颜色：自足的一份。"""
    return properties() + "".join(map(rules, names))


def style(*names: str) -> str:
    """``sheet`` 放进 ``<style>``。"""
    return f"<style>{sheet(*names)}</style>"


class Sheeted:
    """笔记本里的一块网页：``page_html()`` 是内容，``SHEETS`` 是它的样式表。"""

    SHEETS: ClassVar[tuple[str, ...]] = ()

    def page_html(self) -> str:
        """内容，不带样式。"""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return style(*self.SHEETS) + self.page_html()
