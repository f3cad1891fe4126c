"""练习的来源：``teacher/labNN/`` 里的笔记本（范例在内）和样品答卷。只有教师一侧有：学生的那一份、读者的 wheel 里都没有。

装好的包里，它是另一个包 ``sockscope-teacher``（``teacher/pyproject.toml``）。
"""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sockscope import places
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.student import Answers

__all__ = ["Sample", "grade_id", "model", "notebook", "path", "samples", "text_of"]



def _folder() -> Path:
    """教师的那一份在哪里：仓库的 ``teacher/``，或另外装的 ``sockscope_teacher``；都没有，就是一个不存在的文件夹。"""
    found = find_spec("sockscope_teacher")
    inside = places.ROOT / "teacher"
    return Path(*found.submodule_search_locations or ()) if found and not inside.is_dir() else inside


FOLDER = _folder()
FENCE = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*(?:\n|\Z)", re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    """一份样品答卷。``fails`` 是一定不通过的检查；正确的样品为空。"""

    name: str
    story: str
    answers: Answers
    fails: tuple[str, ...] = ()


def path(lab: Lab) -> Path:
    """带范例的笔记本在哪里；没有装教师的那一份，抛 ``ValueError``。"""
    found = FOLDER / lab.name / f"{lab.name}.ipynb"
    if not found.exists():
        raise ValueError(f"这里没有 {lab.name} 的范例和样品答卷：它们在教师的那一份里。请在本书的仓库里做，"
                         "或者安装发布页上的 sockscope_teacher。")
    return found


def notebook(lab: Lab) -> dict[str, Any]:
    """带范例的笔记本。"""
    book: dict[str, Any] = json.loads(path(lab).read_text(encoding="utf-8"))
    return book


def grade_id(cell: dict[str, Any]) -> str:
    """单元格在 nbgrader 里的名字；没有则为空。"""
    return str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", ""))


def text_of(cell: dict[str, Any]) -> str:
    """单元格的原文。"""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def model(lab: Lab) -> Answers:
    """范例：答题格的原文，去掉标记答案的两行注释。"""
    found = {grade_id(c): text_of(c) for c in notebook(lab)["cells"] if grade_id(c) in lab.cells}
    return Answers({name: FENCE.sub("", source) for name, source in found.items()})


def samples(lab: Lab) -> list[Sample]:
    """范例、别的正确写法、常见的错误。"""
    told = tomllib.loads(path(lab).with_name("answers.toml").read_text(encoding="utf-8"))
    best = model(lab)
    right = [Sample(r["name"], r["story"], Answers({n: r.get(n, s).lstrip("\n") for n, s in best.cells.items()}))
             for r in told["right"]]
    known = {"model": best} | {sample.name: sample.answers for sample in right}
    return [Sample("model", "范例", best), *right, *(_spoiled(lab, known[w.get("of", "model")], w) for w in told["wrong"])]


def _spoiled(lab: Lab, best: Answers, wrong: dict[str, Any]) -> Sample:
    """把范例（或 ``of`` 那一种正确的写法）改错一处；``old`` 要恰好出现一次，否则 ``ValueError``。"""
    source, old, new = best.cells[wrong["cell"]], wrong["old"], wrong["new"]
    if source.count(old) != 1:
        raise ValueError(f"{lab.name} 的 {wrong['name']}：要改的原文在答题格 {wrong['cell']} 里出现了 {source.count(old)} 次：\n"
                         + textwrap.indent(old, "    "))
    return Sample(wrong["name"], wrong["story"], Answers(best.cells | {wrong["cell"]: source.replace(old, new)}),
                  tuple(wrong["fails"]))
