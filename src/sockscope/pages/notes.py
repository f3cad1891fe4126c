"""笔记与书（附录 H）：这本书从一份笔记长出来，``book/notes.toml`` 记着笔记里的每一处在书里哪里讲到，或者纠正了什么。"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache

from sockscope import places
from sockscope.cells.made import made
from sockscope.pages import ledger
from sockscope.pages.prose import Table

__all__ = ["HERE", "VERDICTS", "Row", "notes", "parts", "rows"]

VERDICTS = ("讲到", "补全", "纠正")
HERE = "H"  # 附录 H 自己的单元格
PAGE = "book/appendix_h.ipynb"


@dataclass(frozen=True)
class Row:
    """笔记里的一处：原来的写法，结论，哪一章的哪个单元格，应当怎样（没有要说的则为空）。"""

    says: str
    verdict: str
    where: str
    right: str

    @property
    def chapter(self) -> str:
        return self.where.partition(":")[0]

    @property
    def cell(self) -> str:
        return self.where.partition(":")[2]

    @property
    def link(self) -> str:
        """书里在哪里，一个链接。没有这个单元格抛 ``KeyError``。"""
        if self.chapter == HERE:
            return f"本页 `{self.cell}`"
        title = ledger.heading(self.chapter, self.cell)
        return f"[第 {self.chapter} 章“{title}”]({ledger.link(self.chapter, title)})"


@cache
def _table() -> dict[str, list[Row]]:
    told = tomllib.loads((places.ROOT / "book" / "notes.toml").read_text(encoding="utf-8"))
    return {part["name"]: [Row(*row) for row in part["rows"]] for part in told["part"]}


def parts() -> list[str]:
    """笔记的各部分，照原来的次序。"""
    return list(_table())


def rows(part: str = "") -> list[Row]:
    """一部分的各处；缺省是全部。没有这一部分抛 ``KeyError``。"""
    return _table()[part] if part else [row for found in _table().values() for row in found]


@made()
def notes(part: str) -> Table:
    """笔记的一部分，逐条对照。"""
    found = rows(part)
    count = Counter(row.verdict for row in found)
    return Table(["笔记里", "结论", "书里"], (
        (f"{row.says}", row.verdict, f"{row.right or '如此。'}\n{row.link}") for row in found),
        caption="，".join(f"{verdict} {count[verdict]}" for verdict in VERDICTS if count[verdict]) + "。")
