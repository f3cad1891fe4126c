"""线上的场面：``book/scenes.toml`` 里，每个场面的日志原话，和从症状走到场面的决策树。

日志的原话不另写一份：在 ``book/symptoms.toml`` 的那个症状里。场面的标题就是第 13 章里那一节的标题。
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html import escape
from typing import Any

from sockscope import places
from sockscope.cells.made import made
from sockscope.pages import ledger, symptoms
from sockscope.pages.prose import Html, marked

__all__ = ["Answer", "Scene", "Step", "log", "scenes", "steps", "tree"]

CHAPTER = "13"


@dataclass(frozen=True)
class Scene:
    """一个场面。``symptom`` 是它的症状，``picks`` 是取那个症状的哪几行：行里有这几个字；空的是全部。"""

    name: str
    title: str
    symptom: str
    picks: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """日志里的原话，``"nginx：upstream timed out …"``。"""
        (found,) = [s for s in symptoms.everything() if s.name == self.symptom]
        return [line for line in found.lines if not self.picks or any(pick in line for pick in self.picks)]


@dataclass(frozen=True)
class Answer:
    """决策树里的一个回答，通向一个场面或下一步，恰有其一。"""

    says: str
    scene: str = ""
    step: str = ""


@dataclass(frozen=True)
class Step:
    """决策树里的一步：问什么，用什么看，有哪些回答。第一步是根。"""

    name: str
    asks: str
    answers: list[Answer]


@cache
def scenes() -> dict[str, Scene]:
    """名字 → 场面，照章里的次序。字段不对抛 ``TypeError``。"""
    return {item["name"]: Scene(**item) for item in _table()["scene"]}


@cache
def steps() -> dict[str, Step]:
    """名字 → 决策树的一步，根在最前。字段不对抛 ``TypeError``。"""
    return {item["name"]: Step(item["name"], item["asks"], [Answer(**each) for each in item["answer"]])
            for item in _table()["step"]}


def _table() -> dict[str, Any]:
    return tomllib.loads((places.ROOT / "book" / "scenes.toml").read_text(encoding="utf-8"))


@made()
def log(name: str) -> Html:
    """场面 ``name`` 的日志：各种程序的原话。没有这个场面抛 ``KeyError``。"""
    lines = scenes()[name].lines
    return Html(f'<div class="sockscope-log">{symptoms.spoken(lines)}</div>', "\n".join(lines))


@made()
def tree() -> Html:
    """决策树：一步一步问下去，每一片叶子是一个场面。"""
    root = next(iter(steps()))
    return Html(f'<div class="sockscope-tree">{_branch(root)}</div>', "\n".join(_plain(root, "")))


def _branch(name: str) -> str:
    step = steps()[name]
    items = "".join(f"<li>{marked(answer.says)}{_onward(answer)}</li>" for answer in step.answers)
    return f"<p>{marked(step.asks)}</p><ul>{items}</ul>"


def _onward(answer: Answer) -> str:
    if answer.step:
        return _branch(answer.step)
    title = scenes()[answer.scene].title
    return f' → <a href="{escape(ledger.link(CHAPTER, title))}">{escape(title)}</a>'


def _plain(name: str, indent: str) -> Iterator[str]:
    step = steps()[name]
    yield f"{indent}{step.asks}"
    for answer in step.answers:
        if answer.step:
            yield f"{indent}  {answer.says}："
            yield from _plain(answer.step, indent + "    ")
        else:
            yield f"{indent}  {answer.says} → {scenes()[answer.scene].title}"
