"""说得出来历的不同：与书上比较，不同在哪里，为什么（``known.toml``）。

两种：只是写法不同的（``reads``），换成一种写法就一样，算一致；真的不同的（``lines``），除了那几行，其余仍要一字不差。
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sockscope.trace import Trace, compare

__all__ = ["Known", "Verdict", "judge", "known"]

TABLE = Path(__file__).with_name("known.toml")


@dataclass(frozen=True)
class Known:
    """一条：哪些实验的哪些变体，来历，怎样换写法，哪些行不比。"""

    name: str
    experiments: tuple[str, ...]
    why: str
    reads: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    where: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def covers(self, trace: Trace) -> bool:
        """管不管这一个变体。"""
        return trace.experiment in self.experiments and all(trace.parameters.get(name) in values for name, values in self.where)

    def rewritten(self, lines: Iterable[str]) -> list[str]:
        """换成一种写法。"""
        return [functools.reduce(lambda text, rule: re.sub(rule[0], rule[1], text), self.reads, line) for line in lines]

    def compared(self, lines: Iterable[str]) -> list[str]:
        """仍要一字不差的那些行。"""
        return [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in self.lines)]


@dataclass(frozen=True)
class Verdict:
    """与书上比较的结果：``says`` 是第一处不同，一句话，一致则为空串；``why`` 是来历，说不出则为空串。"""

    says: str = ""
    why: str = ""


@functools.cache
def known() -> list[Known]:
    """全部条目。"""
    told = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return [Known(name, tuple(entry["experiments"]), entry["why"], tuple((a, b) for a, b in entry.get("reads", [])),
                  tuple(entry.get("lines", [])), tuple((key, tuple(values)) for key, values in entry.get("where", {}).items()))
            for name, entry in told.items()]


def judge(book: Trace, mine: Trace) -> Verdict:
    """书上的一条与这一次的。"""
    said = compare(book, mine)
    if said is None:
        return Verdict()
    for one in known():
        if one.covers(book):
            ours, theirs = one.rewritten(book.canonical()), one.rewritten(mine.canonical())
            if ours == theirs:
                return Verdict("", one.why)
            if one.compared(ours) == one.compared(theirs):
                return Verdict(said, one.why)
    return Verdict(said)
