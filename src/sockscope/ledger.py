"""账本：每个说法、它的裁决、作证的单元格或实验。误区表和附录 D 都由它生成，不另写一份。

一章一个文件 ``book/facts/NN.toml``，每条是一个 ``[[fact]]``（书里教的）或 ``[[belief]]``（流传的说法）。
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sockscope.prose import marked

__all__ = ["Claim", "Table", "beliefs", "chapters", "claims", "everything"]

ROOT = Path(__file__).parents[2]
VERDICTS = ("成立", "不成立", "看系统")
STYLE = """
.sockscope-ledger td,.sockscope-ledger th{text-align:left!important;vertical-align:top;padding:.4em .8em .4em 0}
.sockscope-ledger{border-collapse:collapse;width:100%}.sockscope-ledger tr{border-bottom:1px solid #8884}
.sockscope-ledger td:nth-child(2){white-space:nowrap;font-weight:600}.sockscope-ledger small{opacity:.8;display:block}
.sockscope-ledger caption{caption-side:bottom;text-align:left;font-size:.85em;padding-top:.5em}
"""


@dataclass(frozen=True)
class Claim:
    """一个说法。``cell`` 与 ``experiment`` 恰有其一：本章作证的单元格，或有录制的实验。"""

    chapter: str
    kind: str
    says: str
    verdict: str
    kernel: str
    because: str = ""
    cell: str = ""
    experiment: str = ""

    @property
    def proof(self) -> str:
        """给读者看的出处：哪一节，或哪个实验。"""
        return f"实验 `{self.experiment}`" if self.experiment else f"“{heading(self.chapter, self.cell)}”"


@cache
def chapters() -> dict[str, Path]:
    """有账本的章 → 它的笔记本。"""
    return {path.stem: next((ROOT / "chapters").glob(f"{path.stem}_*.ipynb"))
            for path in sorted((ROOT / "book" / "facts").glob("*.toml"))}


@cache
def claims(chapter: str) -> list[Claim]:
    """一章的全部说法，事实在前。字段不对抛 ``TypeError``。"""
    text = (ROOT / "book" / "facts" / f"{chapter}.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return [Claim(chapter=chapter, kind=kind, kernel=item.pop("kernel", table["kernel"]),
                  verdict=item.pop("verdict", "成立"), **item)
            for kind in ("fact", "belief") for item in table[kind]]


def heading(chapter: str, cell: str) -> str:
    """单元格所在的那一节的标题；没有这个单元格抛 ``KeyError``。"""
    title = ""
    for found in json.loads(chapters()[chapter].read_text(encoding="utf-8"))["cells"]:
        if found["cell_type"] == "markdown":
            titles = re.findall(r"^#+ (.+)$", "".join(found["source"]), re.MULTILINE)
            title = titles[-1] if titles else title
        if found["id"] == cell:
            return title
    raise KeyError(f"第 {chapter} 章没有叫 {cell!r} 的单元格。")


class Table:
    """说法的表格：流传的说法，裁决，为什么，出处。"""

    def __init__(self, rows: Iterable[Claim]) -> None:
        self.rows = list(rows)

    def _repr_html_(self) -> str:
        kernels = sorted({c.kernel for c in self.rows})
        body = "".join(f"<tr><td>{marked(c.says)}</td><td>{c.verdict}</td><td>{marked(c.because)}"
                       f"<small>{self._source(c, kernels)}</small></td></tr>" for c in self.rows)
        return (f'<style>{STYLE}</style><table class="sockscope-ledger"><caption>裁决于 {"、".join(kernels)}</caption>'
                f"<thead><tr><th>说法</th><th>裁决</th><th>证据</th></tr></thead><tbody>{body}</tbody></table>")

    @staticmethod
    def _source(claim: Claim, kernels: list[str]) -> str:
        """出处；各行的内核不同时，也写上内核。"""
        return f"见{marked(claim.proof)}" + (f"，{claim.kernel}" if len(kernels) > 1 else "")

    def __repr__(self) -> str:
        return "\n".join(f"{c.verdict}  {c.says}  {c.because}" for c in self.rows)


def beliefs(chapter: str) -> Table:
    """一章的误区表。"""
    return Table(c for c in claims(chapter) if c.kind == "belief")


def everything() -> Table:
    """全书的说法，照章排（附录 D）。"""
    return Table(c for chapter in chapters() for c in claims(chapter) if c.kind == "belief")
