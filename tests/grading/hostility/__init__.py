"""存心不良的答卷：测试沙箱的靶子，也由 ``bench.hostility`` 在一座像样的考场里逐个试。不在发布的包里。"""

from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.student import Answers
from tests.grading.hostility.attacks import ATTACKS
from tests.grading.hostility.cheats import BODY, FORGERIES, Cheat

__all__ = ["CHEATS", "Cheat", "cheat"]

CHEATS = [*FORGERIES, *ATTACKS]


def cheat(lab: Lab, trick: Cheat) -> Answers:
    """每一格都先使坏，再给一个什么也不做的函数。"""
    return Answers({cell: f"# 答题格：{cell}\n{trick.text}\n" + "\n".join(BODY.format(name=n) for n in names)
                    for cell, names in lab.cells.items()})
