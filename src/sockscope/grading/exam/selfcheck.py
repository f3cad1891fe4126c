"""学生的自检：``check("lab05.half_close")``，在笔记本的一格里。

答题格从哪里来：第一行写着 ``# 答题格：ask``（C 是 ``%%c``，再 ``// 答题格：ask``）的那一格，你最近一次运行的样子。
批改时收上去的也只有这些格，所以在别处定义的东西，这里同样看不见。
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

from sockscope.grading.exam.lab import Lab, find_check
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Answers, Plain
from sockscope.grading.exam.verdict import Verdict
from sockscope.live import Unavailable, capability

__all__ = ["answers_in", "check"]

MARK = re.compile(r"\s*(?:%%c[^\n]*\n\s*)?(?:#|//)\s*答题格[：:]\s*([a-z][a-z0-9_]*)")
SEEDS = 1000


def check(name: str, seed: int | None = None, answers: Answers | None = None) -> Verdict:
    """自检一项，返回判定：试了什么、应当、实际，没有通过时还有那一次的轨迹图。

    ``seed`` 决定随机的部分（缺省每次不同）。没有这项检查抛 ``ValueError``；机器造不出网线抛 ``Unavailable``。
    """
    wanted = find_check(name)
    if (found := capability()).level != "cable":
        raise Unavailable("自检要看网线上的包。" + found.sentence)
    answers = answers or answers_in(history(), wanted.lab)
    if lacking := [cell for cell in wanted.cells if cell not in answers.cells]:
        return Verdict(wanted.id, wanted.title, wanted.points, "failed", note=missing(lacking))
    return examine(wanted, answers, Plain(), random.randrange(SEEDS) if seed is None else seed)


def missing(cells: list[str]) -> str:
    """没有找到答题格时的一句话。"""
    marks = "、".join(f"“# 答题格：{cell}”" for cell in cells)
    return f"没有找到第一行是 {marks} 的格子。运行那一格之后再来；第一行若被删了，请补上。"


def history() -> list[str]:
    """这个内核运行过的每一格的原文，按先后。"""
    from IPython import get_ipython

    shell = get_ipython()
    return list(shell.history_manager.input_hist_raw) if shell else []


def answers_in(sources: Iterable[str], lab: Lab) -> Answers:
    """从运行过的格子里挑出答题格，同名的以最后一次为准。"""
    cells: dict[str, str] = {}
    for source in sources:
        found = MARK.match(source)
        if found and found[1] in lab.cells:
            cells[found[1]] = source
    return Answers(cells)
