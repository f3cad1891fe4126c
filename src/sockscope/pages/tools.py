"""书页上展示的工具输出：``book/tools.toml`` 里的，和症状那一页的；都在实验进行中真的运行过（``experiments/tools.py``）。"""

from __future__ import annotations

import tomllib
from functools import cache
from html import escape
from typing import Any

from sockscope import experiments, places
from sockscope.cells.made import made
from sockscope.experiments.tools import Look, recorded, taken
from sockscope.pages import symptoms
from sockscope.pages.prose import Html

__all__ = ["everything", "named", "tool"]


@cache
def named() -> dict[str, tuple[Look, dict[str, Any]]]:
    """名字 → 观看，和实验的参数。字段不对抛 ``KeyError``。"""
    table = tomllib.loads((places.ROOT / "book" / "tools.toml").read_text(encoding="utf-8"))
    return {name: _look(**item) for name, item in table.items()}


def _look(experiment: str, command: str, on: str = "server", moment: str = "",
          given: dict[str, Any] | None = None) -> tuple[Look, dict[str, Any]]:
    values = given or {}
    return Look(experiment, experiments.get(experiment).key(values), on, command, moment), values


def everything() -> list[tuple[Look, dict[str, Any]]]:
    """要录的全部观看，和实验的参数；不重复。"""
    return list(dict([*named().values(), *symptoms.watched()]).items())


@made()
def tool(name: str) -> Html:
    """一个工具说了什么：命令和它的输出。没有这个名字抛 ``KeyError``。"""
    wanted, _ = named()[name]
    said = f"{wanted.host}$ {wanted.command}\n{recorded(wanted)}"
    return Html(f'<figure class="sockscope-tool"><pre>{escape(said)}</pre><figcaption>{taken()}</figcaption></figure>',
                f"{said}\n（{taken()}）")
