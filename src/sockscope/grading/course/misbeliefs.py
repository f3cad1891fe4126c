"""每项检查反驳的误区：一句流传的、错的话，和讲它的那一节。写在检查旁边的 ``labs/labNN.toml`` 里，由写练习的人写。

它只说这一项考的是什么：没有通过的人，也许信了这句话，也许只是别处写错了。
"""

from __future__ import annotations

import functools
import html
import re
import tomllib
from dataclasses import dataclass

from sockscope.grading.exam.lab import Check
from sockscope.places import PACKAGE

__all__ = ["Misbelief", "misbelief"]

CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Misbelief:
    """``section`` 是 ``chapter`` 章笔记本里的一个标题。"""

    says: str
    chapter: str
    section: str

    @property
    def html(self) -> str:
        """网页上的这句话：反引号里的是代码。"""
        return CODE.sub(r"<code>\1</code>", html.escape(self.says))

    @property
    def place(self) -> str:
        """给人看的：到哪里去读。"""
        return f"第 {self.chapter} 章“{self.section}”"


def misbelief(check: Check) -> Misbelief | None:
    """一项检查的误区；没有写则为 None。"""
    return _told(check.lab.name).get(check.name)


@functools.cache
def _told(lab: str) -> dict[str, Misbelief]:
    path = PACKAGE / "grading" / "labs" / f"{lab}.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {name: Misbelief(**told) for name, told in table.items()}
