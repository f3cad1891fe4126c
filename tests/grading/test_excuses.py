"""等不到的时候，说出的原因要是真的原因。"""

from __future__ import annotations

from sockscope.grading.course.source import samples
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Plain


def test_an_ending_that_was_asked_for_is_no_excuse_later():
    """考官要的就是 EOFError；后来另一次不返回，不能说是因为它。"""
    lab = find_lab("lab04")
    endless = next(s for s in samples(lab) if s.name == "no-limit")
    verdict = examine(lab.checks["bad_news"], endless.answers, Plain(), seed=77)
    assert "抛出了 EOFError" in [row.seen for row in verdict.rows]
    assert verdict.rows[-1].seen == "一直没有返回"
