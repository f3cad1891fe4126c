"""存心不良的答卷：测试沙箱的靶子，也由 ``bench.hostility`` 在一座像样的考场里逐个试。不在发布的包里。"""

from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.student import Answers
from tests.grading.hostility.attacks import ATTACKS
from tests.grading.hostility.cheats import BODY, FORGERIES, Cheat
from tests.grading.hostility.in_c import BODIES, IN_C

__all__ = ["CHEATS", "Cheat", "cheat"]

CHEATS = [*FORGERIES, *ATTACKS, *IN_C]


def cheat(lab: Lab, trick: Cheat) -> Answers:
    """每一格都先使坏，再给一个什么也不做的函数。C 写的，只有收 C 的格子。"""
    if trick.language == "c":
        return Answers({cell: f"%%c\n// 答题格：{cell}\n{trick.code}\n{BODIES[cell]}" for cell in lab.cells})
    return Answers({cell: f"# 答题格：{cell}\n{trick.text}\n" + "\n".join(BODY.format(name=n) for n in names)
                    for cell, names in lab.cells.items()})
