"""每个练习的每项检查，都写着它反驳哪一句错的话，和真的有的那一节。"""

from __future__ import annotations

import json
import tomllib

import pytest

from sockscope.grading.course.misbeliefs import misbelief
from sockscope.grading.exam.lab import labs
from sockscope.pages.ledger import chapters
from sockscope.places import PACKAGE

CHECKS = [check for lab in labs().values() for check in lab.checks.values()]


def headings(chapter: str) -> set[str]:
    book = json.loads(chapters()[chapter].read_text(encoding="utf-8"))
    text = "\n".join("".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "markdown")
    return {line.lstrip("#").strip() for line in text.splitlines() if line.startswith(("## ", "### "))}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_refutes_one_sentence_that_a_section_answers(check):
    told = misbelief(check)
    assert told is not None
    assert told.section.replace("`", "") in {h.replace("`", "") for h in headings(told.chapter)}
    assert told.says.endswith("。")
    assert told.says.count("。") == 1, "一句话"


@pytest.mark.parametrize("name", labs())
def test_nothing_is_said_of_a_check_that_is_not_there(name):
    told = tomllib.loads((PACKAGE / "grading" / "labs" / f"{name}.toml").read_text(encoding="utf-8"))
    assert set(told) == set(labs()[name].checks)


def test_no_sentence_is_used_twice():
    says = [told.says for check in CHECKS if (told := misbelief(check))]
    assert len(says) == len(set(says))
