"""批一份答卷：每项检查一个新的沙箱。是纯函数，所以可以交给别的进程、别的机器，断了就再做一遍。"""

from __future__ import annotations

import atexit
import functools
import threading
from datetime import datetime
from typing import Any

from sockscope.grading.course.examiner import examiner
from sockscope.grading.exam.lab import Lab, find_lab
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Answers
from sockscope.grading.exam.verdict import Verdict
from sockscope.grading.exam.waiting import Allowance
from sockscope.grading.jail.sandbox import Sandbox
from sockscope.trace import dumps, from_json

__all__ = ["AT_ONCE", "Outcome", "mark", "sandbox", "trace_of"]

Outcome = tuple[str, dict[str, Any], BaseException | None]  # 编号、判定、为什么没有批成

SPENT = "这份答卷在前面几项里一再叫人白等，已经等满了。这一项没有再做"
AT_ONCE = 4  # 一个进程同时批几份：多半的时间在等网线

_building = threading.Lock()


def sandbox() -> Sandbox:
    """这个进程的沙箱：造一次，一直用；几个线程同时来要，也只造一个。"""
    with _building:
        return _sandbox()


@functools.cache
def _sandbox() -> Sandbox:
    made = Sandbox()
    atexit.register(made.close)
    return made


def mark(lab: str, student: str, digest: str, cells: dict[str, str], seeds: dict[str, int],
         only: str = "") -> dict[str, Any]:
    """批一份。``seeds`` 是 检查 → 种子；``only`` 只批这一项。结果可以直接写成 JSON；``graded`` 是什么时候、由谁判的。"""
    wanted, answers = find_lab(lab), Answers(cells)
    allowance = Allowance(wanted)
    done = [marked(wanted, name, answers, seed, allowance) for name, seed in seeds.items() if only in ("", name)]
    graded = {"when": datetime.now().astimezone().isoformat(timespec="milliseconds"), "only": only, **examiner(wanted)}
    return {"lab": lab, "student": student, "digest": digest, "verdicts": done, "graded": graded}


def marked(lab: Lab, name: str, answers: Answers, seed: int, allowance: Allowance) -> dict[str, Any]:
    """一项检查的判定；没有通过的带上轨迹。"""
    check = lab.checks[name]
    if lacking := [cell for cell in check.cells if cell not in answers.cells]:
        verdict = Verdict(check.id, check.title, check.points, "failed", note=f"答卷里没有答题格 {'、'.join(lacking)}", seed=seed)
    elif allowance.left <= 0:
        verdict = Verdict(check.id, check.title, check.points, "failed", note=SPENT, seed=seed)
    else:
        verdict = examine(check, answers, sandbox(), seed, allowance)
    told = verdict.json()
    if verdict.status == "failed" and verdict.trace is not None:
        import json
        told["trace"] = json.loads(dumps(verdict.trace))
    return told


def trace_of(told: dict[str, Any]) -> Verdict:
    """存下来的判定，连同它的轨迹。"""
    plain = {k: v for k, v in told.items() if k != "trace"}
    return Verdict.from_json(plain, from_json(told["trace"]) if "trace" in told else None)
