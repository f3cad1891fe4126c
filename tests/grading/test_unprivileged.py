"""普通用户也能批改：没有一点特权，沙箱照样造得出，分数照样对。本来就是普通用户时，其余的测试已经是证明。"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

PROGRAM = """
import os
from sockscope.grading.hostile import CHEATS
from sockscope.grading.lab import find_lab
from sockscope.grading.marking import mark
from sockscope.grading.sample import cheat
from sockscope.grading.sandbox import refusal
from sockscope.grading.source import model
assert os.geteuid() != 0
assert refusal() == "", refusal()
lab = find_lab("lab05")
for answers, wanted in ((model(lab), lab.points), (cheat(lab, CHEATS[0]), 0)):
    told = mark("lab05", "x", "", answers.cells, dict.fromkeys(lab.checks, 3))["verdicts"]
    assert sum(v["points"] for v in told if v["status"] == "passed") == wanted, told
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
    done = nobody.as_nobody([python, "-W", "ignore", "-c", PROGRAM], env=env)
    assert done.stdout.endswith("all is well\n"), done.stdout
