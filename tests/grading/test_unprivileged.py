"""普通用户也能批改：没有一点特权，沙箱照样造得出，每个练习的分数照样对，笔记本照样执行。本来就是普通用户时，其余的测试已经是证明。"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

PROGRAM = """
import os
from concurrent.futures import ThreadPoolExecutor
from sockscope.grading.executed.page import Study, perform
from sockscope.grading.exam.lab import labs
from sockscope.grading.course.marking import mark
from sockscope.grading.jail.sandbox import refusal
from sockscope.grading.course.source import model
from tests.grading.hostility import cheat, CHEATS
assert os.geteuid() != 0
assert refusal() == "", refusal()

def status(lab, check, answers):
    return mark(lab.name, "x", "", answers.cells, {check: 3})["verdicts"][0]["status"]

right = [(lab, check, model(lab)) for lab in labs().values() for check in lab.checks]
wrong = [(lab, next(iter(lab.checks)), cheat(lab, CHEATS[0])) for lab in labs().values()]
with ThreadPoolExecutor(6) as pool:
    seen = list(pool.map(lambda task: status(*task), right + wrong))
wanted = ["passed"] * len(right) + ["failed"] * len(wrong)
unfair = [(lab.name, check, got) for (lab, check, _), got, want in zip(right + wrong, seen, wanted) if got != want]
assert unfair == [], unfair
study = Study()
[output] = perform({0: "print(6 * 7)"}, study)[0].outputs
study.close()
assert output.text == "42\\n", output
print("all is well")
"""


def neighbour():
    """tests/kernel/test_unprivileged.py：怎样当 nobody，那里已经写过。"""
    path = Path(__file__).parents[1] / "kernel" / "test_unprivileged.py"
    spec = importlib.util.spec_from_file_location("kernel_unprivileged", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


nobody = neighbour()
device = nobody.device


def test_grading_needs_no_privilege(request):
    if not nobody.capabilities():
        assert os.geteuid() != 0, "其余的测试就是在没有特权时跑的"
        return
    env = nobody.environment(request.getfixturevalue("device"))
    python, _ = nobody.interpreter(env)
    done = nobody.run([*python, "-W", "ignore", "-c", PROGRAM], env)
    assert done.stdout.endswith("all is well\n"), done.stdout
