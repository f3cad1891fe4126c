"""术语：一个英文术语只有一个中文词。附录 C 由 ``book/terms.toml`` 生成，全书也照它检查。"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sockscope import places
from sockscope.cells.made import made
from sockscope.pages.prose import Table

__all__ = ["Term", "glossary", "strangers", "terms"]

PROSE = ("index.md", "README.md", "CONTRIBUTING.md", "chapters/*.ipynb", "labs/**/*.ipynb", "book/*.ipynb", "book/*.md",
         "book/**/*.toml", "src/sockscope/experiments/**/*.py", "src/sockscope/render/*.toml")


@dataclass(frozen=True)
class Term:
    """一个术语。``instead`` 是书里不用的别名，``also`` 是别处常用、书里也会提到的叫法；两种都让读者搜得到。

    ``typed`` 是读者会这样打字的（口语、英文的缩写、常见的错字），不印出来，也只为搜得到。
    """

    zh: str
    en: str
    says: str
    instead: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """附录 C 里的锚点。"""
        return "term-" + re.sub(r"\W+", "-", self.en.lower())


@cache
def terms() -> list[Term]:
    """全部术语，照英文的字母排。字段不对抛 ``TypeError``。"""
    table = tomllib.loads((places.ROOT / "book" / "terms.toml").read_text(encoding="utf-8"))["term"]
    found = [Term(**{**item, **{names: tuple(item.get(names, ())) for names in ("instead", "also", "typed")}}) for item in table]
    return sorted(found, key=lambda term: term.en.lower())


@made()
def glossary() -> Table:
    """附录 C 的表。"""
    return Table(["英文", "中文", "意思"], ((term.en, term.zh, _meaning(term)) for term in terms()),
                 names=[term.name for term in terms()])


def _meaning(term: Term) -> str:
    """意思，和别处的叫法。"""
    names = [*term.also, *term.instead]
    return f"{term.says}\n别处也叫{'、'.join(names)}。" if names else term.says


def strangers(text: str) -> list[str]:
    """一段文字里不该有的别名，写成“别名 → 该用的词”。"""
    return [f"{word} → {term.zh}" for term in terms() for word in term.instead if re.search(re.escape(word), text)]


def pages() -> Iterator[Path]:
    """全书的文字所在的文件；术语表自己除外。"""
    for pattern in PROSE:
        yield from (path for path in sorted(places.ROOT.glob(pattern)) if path.name != "terms.toml")
