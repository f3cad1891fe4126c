"""每个练习：笔记本与考官对得上号；范例和各种风格的正确写法得满分，每一种常见的错误都被看出来。"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import starmap

import pytest

from sockscope.grading.course.source import grade_id, model, notebook, samples, text_of
from sockscope.grading.exam.c_answer import is_c
from sockscope.grading.exam.lab import labs
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Plain
from sockscope.live import Unavailable
from sockscope.live.compiler import compiler

LABS = [pytest.param(lab, id=name) for name, lab in labs().items()]
AT_ONCE = 6  # 多半的时间在等，所以同时做几项


def metadata(lab):
    return {grade_id(c): (c, c["metadata"]["nbgrader"]) for c in notebook(lab)["cells"] if grade_id(c)}


def examinable(lab):
    """这台机器考得了的样品答卷。没有 C 编译器，就没有用 C 写的：``test_in_c`` 说为什么。在 CI 上照样考，于是失败。"""
    found = samples(lab)
    try:
        compiler()
    except Unavailable:
        return found if os.environ.get("CI") else [s for s in found if not any(map(is_c, s.answers.cells.values()))]
    return found


def verdicts(tasks, launcher=None):
    """同时做许多项 ``(检查, 答卷, 种子)``。"""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda task: examine(task[0], task[1], launcher or Plain(), task[2]), tasks))


@pytest.mark.parametrize("lab", LABS)
def test_the_notebook_and_the_examiners_agree(lab):
    found = metadata(lab)
    assert text_of(found["prelude"][0]).strip() == lab.prelude.strip()
    assert [n for n, (_, m) in found.items() if m["solution"] and not m["grade"]] == list(lab.cells)
    checked = {n: m["points"] for n, (_, m) in found.items() if m["grade"] and not m["solution"]}
    assert checked == {c.name: c.points for c in lab.checks.values()}
    for name in checked:
        assert text_of(found[name][0]) == f'check("{lab.name}.{name}")'


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_has_four_to_eight_steps_and_one_written_question(lab):
    assert 4 <= len(lab.checks) <= 8
    assert len([m for _, m in metadata(lab).values() if m["grade"] and m["solution"]]) == 1


@pytest.mark.parametrize("lab", LABS)
def test_an_answer_cell_says_its_name_and_shows_what_to_write(lab):
    for name in lab.cells:
        source = text_of(metadata(lab)[name][0])
        assert source.startswith(f"# 答题格：{name}\n")
        assert source.count("### BEGIN SOLUTION") == source.count("### END SOLUTION") == 1


@pytest.mark.parametrize("lab", LABS)
def test_right_answers_in_every_style_get_full_marks(lab):
    """范例考每一项；别的写法轮着来，一种考三分之一的检查。每一种考每一项，在长跑里。"""
    right = [s for s in examinable(lab) if not s.fails]
    assert len(right) >= 3
    tasks = [(check, sample.answers, style) for style, sample in enumerate(right)
             for place, check in enumerate(lab.checks.values()) if style == 0 or (style + place) % 3 == 0]
    seen = verdicts(tasks)
    assert [repr(v) for v in seen if v.status != "passed"] == []
    assert [v.check for v in seen if not v.rows] == []  # 通过的，也要说试了什么


@pytest.mark.parametrize("lab", LABS)
def test_the_model_gets_full_marks_in_the_sandbox(lab, sandbox):
    """批改时的样子：里面的用户是别的号，没有一点权能。没有特权的人来批，在 test_unprivileged.py 里。"""
    seen = verdicts([(check, model(lab), 7) for check in lab.checks.values()], sandbox)
    assert [repr(v) for v in seen if v.status != "passed"] == []


@pytest.mark.parametrize("lab", LABS)
def test_every_check_sees_a_common_mistake(lab):
    """每项检查至少看得出一个错误；全部错误、许多种子，在长跑里。"""
    wrong = [s for s in examinable(lab) if s.fails]
    assert len(wrong) >= 6
    seen_by = {name: s for s in reversed(wrong) for name in s.fails} | {s.fails[0]: s for s in reversed(wrong)}
    assert set(seen_by) == set(lab.checks)
    tasks = [(lab.checks[name], sample.answers, seed) for seed, (name, sample) in enumerate(seen_by.items())]
    missed = [(name, s.name) for (name, s), v in zip(seen_by.items(), verdicts(tasks), strict=True) if v.status != "failed"]
    assert missed == []


@pytest.mark.soak
@pytest.mark.parametrize("lab", LABS)
def test_right_answers_stay_right_and_wrong_ones_wrong(lab):
    """二十个种子，每一种写法，每一项检查。"""
    tasks = [(check, s.answers, seed, s) for seed in range(20) for s in examinable(lab) for check in lab.checks.values()
             if not s.fails or check.name in s.fails]
    seen = verdicts([t[:3] for t in tasks])
    unfair = starmap(lambda t, v: (t[3].name, t[0].name, t[2], v.status), zip(tasks, seen, strict=True))
    assert [u for u, t in zip(unfair, tasks, strict=True) if (u[3] == "passed") == bool(t[3].fails)] == []
