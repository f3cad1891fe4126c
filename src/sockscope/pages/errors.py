"""附录 A：书里提到的每个错误码，和它真的出现过的地方。

意思写在 ``render/errors.toml``；出处有两种，都是找出来的：录制里失败的调用（或说出错误的 ``SO_ERROR``），
和断言了它的单元格。新录一个实验，这里就多一条。
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

from sockscope import experiments, places
from sockscope.cells.made import made
from sockscope.pages import ledger
from sockscope.pages.prose import Table
from sockscope.render.errors import ALIASES, errors
from sockscope.trace import Call

__all__ = ["index", "known", "mentioned", "raised"]

WORD = re.compile(r"\bE[A-Z0-9]{3,}\b")
SHOWN = 4  # 一个错误码至多列几个出处：每种调用一个


@cache
def known() -> set[str]:
    """认得的错误码：这个系统的，和词条里的（别的系统少几个）。"""
    return {*errno.errorcode.values(), "EOPNOTSUPP", *errors()}


def said(call: Call) -> str:
    """这次调用说出的错误码：失败的 errno，或者当作结果读到的（``SO_ERROR``、``connect_ex``）。"""
    found = call.errno or call.result or ""
    return found if found in known() else ""


def _recorded() -> Iterator[tuple[str, experiments.Recording]]:
    """录过的实验；还没有录的，别的测试会说。"""
    for name in experiments.names():
        with suppress(FileNotFoundError):
            yield name, experiments.Recording.load(name)


@cache
def raised() -> dict[str, dict[str, tuple[str, str]]]:
    """错误码 → 调用 → 第一个这样失败的录制 ``(实验, 变体)``。"""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for name, recorded in _recorded():
        for key, trace in recorded.variants.items():
            for call in filter(said, trace.calls):
                found.setdefault(said(call), {}).setdefault(call.name, (name, key))
    return found


@cache
def asserted() -> dict[str, tuple[str, str]]:
    """错误码 → 断言了它的第一个单元格 ``(笔记本, 单元格)``；账本里紧跟着单元格的证明也算它的。"""
    found: dict[str, tuple[str, str]] = {}
    for path, cell, source in (*_cells("code"), *_proofs()):
        checked = " ".join(line for line in source.splitlines() if "assert" in line)
        for name in _names(checked):
            found.setdefault(name, (path, cell))
    return found


def _proofs() -> Iterator[tuple[str, str, str]]:
    """账本里的证明：``(笔记本, 单元格, 证明)``。"""
    for chapter, path in ledger.chapters().items():
        for cell, sources in ledger.proofs(chapter).items():
            yield f"chapters/{path.name}", cell, "\n".join(sources)


@cache
def mentioned() -> set[str]:
    """书里提到的全部错误码：笔记本、账本与症状。"""
    texts = [source for kind in ("code", "markdown") for _, _, source in _cells(kind)]
    texts += [path.read_text(encoding="utf-8") for path in (places.ROOT / "book").glob("**/*.toml")]
    return {name for text in texts for name in _names(text)}


def _names(text: str) -> Iterator[str]:
    for word in WORD.findall(text):
        if word in known():
            yield ALIASES.get(word, word)


def _cells(kind: str) -> Iterator[tuple[str, str, str]]:
    """全书的单元格：``(笔记本, 名字, 内容)``。"""
    for folder in ("chapters", "book"):
        for path in sorted((places.ROOT / folder).glob("*.ipynb")):
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if cell["cell_type"] == kind:
                    yield f"{folder}/{path.name}", cell["id"], "".join(cell["source"])


def proofs(name: str) -> list[str]:
    """一个错误码的出处，一行一个。"""
    found = [f"`{call}()`：{ledger.shown(experiment)}（`{key}`），{_place(experiment)}"
             for call, (experiment, key) in raised().get(name, {}).items()]
    if not found and name in asserted():
        path, cell = asserted()[name]
        found = [f"单元格 `{cell}`，[{_title(path)}](../{path})"]
    return found[:SHOWN]


def _place(experiment: str) -> str:
    wanted = experiments.get(experiment)
    path = ledger.chapters().get(wanted.chapter)
    return f"[{wanted.place}](../chapters/{path.name})" if path else wanted.place


def _title(path: str) -> str:
    number = path.partition("/")[2][:2]
    return f"第 {number} 章" if number.isdigit() else "从症状找原因"


@made()
def index() -> Table:
    """附录 A 的表：真的出现过的错误码，照字母排。"""
    met = [error for error in errors().values() if proofs(error.name)]
    rows = ((f"`{error.name}`\n{error.number}，{error.message}", error.says, "\n".join([error.why, *proofs(error.name)]))
            for error in met)
    return Table(["错误码", "意思", "多半怎么回事，在哪里真的出现"], rows, names=[error.name for error in met])
