"""账本：每个说法、它的裁决、作证的单元格或实验。误区表和附录 D 都由它生成，不另写一份。

一章一个文件 ``book/facts/NN.toml``，每条是一个 ``[[fact]]``（书里教的）或 ``[[belief]]``（流传的说法）。
``holds`` 说它凭什么成立，``source`` 说写在哪里，``elsewhere`` 说别的系统怎样；``proof`` 是证明的源码，
测试在作证的单元格之后运行它（``cells/proofs.py``）。
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sockscope import experiments, places
from sockscope.cells.made import made
from sockscope.pages.exhibits import exhibit
from sockscope.pages.ledger_table import LedgerTable
from sockscope.pages.prose import Table
from sockscope.tcp import TRANSITIONS, Transition, walk

__all__ = [
    "Claim", "all_beliefs", "anchor", "beliefs", "chapters", "claims", "edges", "everything", "heading", "link", "proofs",
    "shown", "totals", "walked", "walks",
]

VERDICTS = ("成立", "不成立", "看系统")
HOLDS = {"POSIX": "POSIX 规定的", "RFC": "RFC 规定的", "各系统": "没有标准规定，主流系统都如此", "Linux": "只说 Linux",
         "C": "C 的规定", "Python": "Python 的规定"}
"""一个说法凭什么成立，由宽到窄。"""


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
    holds: str = ""
    source: str = ""
    since: str = ""
    elsewhere: str = ""
    proof: str = ""

    @property
    def evidence(self) -> str:
        """给读者看的出处，点得开：哪一节，或哪个实验。"""
        if self.experiment:
            return shown(self.experiment)
        title = heading(self.chapter, self.cell)
        return f"[“{title}”]({link(self.chapter, title)})"

    @property
    def name(self) -> str:
        """页面里的锚点；说法不改，它就不变。"""
        return f"{self.kind}-{self.chapter}-{hashlib.sha256(self.says.encode()).hexdigest()[:6]}"


@cache
def chapters() -> dict[str, Path]:
    """有账本的章 → 它的笔记本。"""
    return {path.stem: next((places.ROOT / "chapters").glob(f"{path.stem}_*.ipynb"))
            for path in sorted((places.ROOT / "book" / "facts").glob("*.toml"))}


@cache
def claims(chapter: str) -> list[Claim]:
    """一章的全部说法，事实在前。字段不对抛 ``TypeError``。"""
    text = (places.ROOT / "book" / "facts" / f"{chapter}.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return [Claim(chapter=chapter, kind=kind, kernel=item.pop("kernel", table["kernel"]),
                  verdict=item.pop("verdict", "成立"), **item)
            for kind in ("fact", "belief") for item in table[kind]]


def proofs(chapter: str) -> dict[str, list[str]]:
    """一章里 单元格 → 紧跟着它运行的证明。"""
    found: dict[str, list[str]] = {}
    for claim in claims(chapter):
        if claim.proof:
            found.setdefault(claim.cell, []).append(claim.proof)
    return found


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


def link(chapter: str, title: str) -> str:
    """一章里一个小节的地址，在 Lab 里打开那一章；书页里的锚点由 book/ext/chapter_links.py 换上。"""
    return f"../chapters/{chapters()[chapter].name}#{anchor(title)}"


def anchor(title: str) -> str:
    """标题的锚点：空格换成连字符，与 JupyterLab 起的相同；括号写成 %28、%29，免得与链接的写法相混。"""
    return title.replace(" ", "-").replace("(", "%28").replace(")", "%29")


def shown(experiment: str) -> str:
    """“实验 ``名字``”，点开是书里摆着它的那一节；哪里也没有摆的，只写名字。"""
    if (found := exhibit(experiment)) is None:
        return f"实验 `{experiment}`"
    path, title = found
    return f"[实验 `{experiment}`](../{path}#{anchor(title)})"


def all_beliefs() -> list[Claim]:
    """全书流传的说法，照章排。"""
    return [c for chapter in chapters() for c in claims(chapter) if c.kind == "belief"]


@made()
def beliefs(chapter: str) -> LedgerTable:
    """一章的误区表。"""
    return LedgerTable([c for c in claims(chapter) if c.kind == "belief"])


@made()
def everything() -> LedgerTable:
    """全书的说法，照章排（附录 D）；有脚本时可以照裁决、系统、章来筛。"""
    return LedgerTable(all_beliefs(), HOLDS)


@made()
def totals() -> Table:
    """全书的说法凭什么成立：各有多少条（附录 D）。"""
    found = [c for chapter in chapters() for c in claims(chapter)]
    rows = [(f"{name}：{says}", str(sum(c.holds == name for c in found if c.kind == "fact")),
             str(sum(c.holds == name for c in found if c.kind == "belief"))) for name, says in HOLDS.items()]
    return Table(["凭什么", "书里教的", "流传的说法"], rows)


@cache
def walks() -> dict[Transition, tuple[str, str]]:
    """TCP 状态机的每条边 → 第一个走过它的录制：``(实验, 变体)``。没有录制走过的边不在其中。"""
    found: dict[Transition, tuple[str, str]] = {}
    for name in experiments.names(recorded=True):
        for key, trace in experiments.Recording.load(name).variants.items():
            for edge in (edge for step in walk(trace) for edge in step.edges):
                found.setdefault(edge, (name, key))
    return found


def walked() -> dict[Transition, str]:
    """状态图上的边 → 书里摆着走过它的那个实验的一节。"""
    found = {edge: exhibit(name) for edge, (name, _) in walks().items()}
    return {edge: f"../{place[0]}#{anchor(place[1])}" for edge, place in found.items() if place}


@made()
def edges() -> Table:
    """附录 B 的表：图上的每条边，和走过它的录制。"""
    rows = []
    for edge in (edge for edge in TRANSITIONS if edge.ordinary):
        name, key = walks().get(edge, ("", ""))
        proof = f"{shown(name)}（`{key}`），{experiments.get(name).place}" if name else "还没有录制走过"
        rows.append((f"{edge.before} → {edge.after}", edge.action or "—", f"{edge.event}\n{proof}"))
    return Table(["边", "发出", "原因与录制"], rows, caption=f"走过的边：{len(walks().keys() & set(TRANSITIONS))}。")
