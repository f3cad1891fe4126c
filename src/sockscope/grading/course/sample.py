"""样品班：每个练习四十份答卷，由生成器造出来，测试和导览都用它。

对的有好几种写法；错的各犯一个常见的错误；意外和坏文件见 ``mishaps``。文件夹是 Moodle 下载的样子。
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sockscope.grading.course import source
from sockscope.grading.course.mishaps import ACCIDENTS, FORMS, Accident, Form
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.student import Answers

__all__ = ["Made", "accident", "blank", "filled", "members", "write_class"]

FAMILY = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏"
GIVEN = ["伟", "芳", "娜", "秀英", "敏", "静", "磊", "洋", "艳", "勇"]


@dataclass(frozen=True)
class Made:
    """样品班的一员：``kind`` 是 right、wrong、broken、accident；``fails`` 是一定不通过的检查。"""

    kind: str
    name: str
    story: str
    data: bytes
    fails: tuple[str, ...] = ()
    collected: bool = True


def filled(lab: Lab, answers: Answers, written: str = "因为 `close()` 关掉了两个方向。") -> dict[str, Any]:
    """填好了答题格的笔记本，像学生交来的那样。"""
    book = copy.deepcopy(source.notebook(lab))
    for cell in book["cells"]:
        name = source.grade_id(cell)
        if name in answers.cells:
            cell["source"] = answers.cells[name]
        elif cell["cell_type"] == "markdown" and name:
            cell["source"] = written
    return book


def blank(lab: Lab) -> Answers:
    """什么也没有做的答卷：函数都在，都还没有写。"""
    return Answers({cell: f"# 答题格：{cell}\n" + "".join(
        f"def {n}(*arguments):\n    raise NotImplementedError\n" for n in names) for cell, names in lab.cells.items()})


def accident(lab: Lab, mishap: Accident) -> Answers:
    """范例，只是第一个答题格的第一个函数一进去就出事。"""
    best = source.model(lab)
    first, names = next(iter(lab.cells.items()))
    lines = best.cells[first].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"def {names[0]}("))
    while not lines[start].rstrip().endswith(":"):
        start += 1
    lines.insert(start + 1, f"    {mishap.code}")
    return Answers(best.cells | {first: "\n".join(lines) + "\n"})


def members(lab: Lab) -> Iterator[Made]:
    """样品班的全部成员：对的、错的、意外、坏的，轮流出场。"""
    def written(made: dict[str, Any]) -> bytes:
        return json.dumps(made, ensure_ascii=False, indent=1).encode()

    samples = source.samples(lab)
    groups = [
        [Made("right", s.name, s.story, written(filled(lab, s.answers))) for s in samples if not s.fails],
        [Made("wrong", s.name, s.story, written(filled(lab, s.answers)), s.fails) for s in samples if s.fails],
        [Made("accident", a.name, a.story, written(filled(lab, accident(lab, a)))) for a in ACCIDENTS],
        [Made("broken", f.name, f.story, form(lab, f), collected=f.collected) for f in FORMS],
    ]
    for row in itertools.zip_longest(*groups):
        yield from (made for made in row if made is not None)


def form(lab: Lab, trick: Form) -> bytes:
    """文件上的手脚，做在一份没有做的笔记本上。"""
    return trick.make(filled(lab, blank(lab)))


def write_class(lab: Lab, folder: Path, count: int = 40, chosen: list[Made] | None = None) -> dict[str, Made]:
    """在 ``folder`` 里造一班 ``count`` 份，返回 文件的相对路径 → 它是什么。成员不够就从头再来。"""
    made = {}
    everyone = itertools.cycle(chosen or list(members(lab)))
    for number, member in enumerate(itertools.islice(everyone, count)):
        name = FAMILY[number % len(FAMILY)] + GIVEN[number // len(FAMILY) % len(GIVEN)] + str(number)
        path = f"{name}_{1000 + number}_assignsubmission_file/{lab.name}.ipynb"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(member.data)
        made[path] = member
    return made
