"""练习的登记、来源与样品班：名字不对只有一句话，改错只改一处，造出来的都是说得通的 Python。"""

from __future__ import annotations

import json
from collections import Counter

import pytest

from sockscope.grading.course import source
from sockscope.grading.course.mishaps import ACCIDENTS, FORMS
from sockscope.grading.course.sample import accident, blank, filled, members, write_class
from sockscope.grading.exam.lab import Lab, find_check, find_lab, labs

LAB = find_lab("lab05")


# ---------------------------------------------------------------- 登记

def test_all_labs_are_known_in_order_and_by_name():
    found = labs()
    assert list(found) == sorted(found)
    assert [find_lab(name) for name in found] == list(found.values())
    for lab in found.values():
        for check in lab.checks.values():
            assert find_check(check.id) is check
        assert lab.points == sum(check.points for check in lab.checks.values()) > 0


def test_a_check_is_registered_with_what_it_was_given():
    lab = Lab("lab99", "试", "", {"one": ["f"]})

    @lab.check("标题", points=2, tries="试什么", cells=["one"], rounds=3)
    def look(stage):
        """考官。"""

    made = lab.checks["look"]
    assert (made.id, made.title, made.tries, made.points) == ("lab99.look", "标题", "试什么", 2)
    assert (made.cells, made.rounds) == (("one",), 3)
    assert made.run is look
    with pytest.raises(ValueError, match=r"^lab99 没有答题格 two。$"):
        lab.check("标题", points=1, tries="", cells=["one", "two"])


# ---------------------------------------------------------------- 来源

@pytest.fixture
def small(tmp_path, monkeypatch):
    """一个最小的练习，来源在临时文件夹里；函数的参数分两行写。"""
    lab = Lab("lab99", "试", "", {"one": ["f"], "two": ["g"]})
    first = "# 答题格：one\ndef f(a,\n      b):\n    ### BEGIN SOLUTION\n    return a\n    ### END SOLUTION\n"
    cells = [cell("one", first.splitlines(True)), cell("two", "def g():\n    return 1\n"),
             {"cell_type": "markdown", "metadata": {}, "source": "说明"}, cell("why", "答", "markdown")]
    folder = tmp_path / "lab99"
    folder.mkdir()
    (folder / "lab99.ipynb").write_text(json.dumps({"cells": cells}))
    monkeypatch.setattr(source, "FOLDER", tmp_path)
    return lab


def cell(name: str, text: str | list[str], kind: str = "code") -> dict:
    return {"cell_type": kind, "metadata": {"nbgrader": {"grade_id": name}}, "source": text}


def answers_toml(lab: Lab, wrong: str) -> None:
    text = '[[right]]\nname = "other"\nstory = "另一种"\ntwo = """\ndef g(): return 1\n"""\n' + f"[[wrong]]\n{wrong}\n"
    (source.FOLDER / lab.name / "answers.toml").write_text(text)


def test_the_model_is_the_notebook_without_the_fences(small):
    assert source.model(small).cells == {
        "one": "# 答题格：one\ndef f(a,\n      b):\n    return a\n", "two": "def g():\n    return 1\n"}


def test_samples_are_the_model_other_ways_and_one_spoiled_place(small):
    answers_toml(small, 'name = "bad"\nstory = "错"\ncell = "one"\nold = "return a"\nnew = "return b"\nfails = ["look"]')
    best, other, bad = source.samples(small)
    assert (best.name, best.fails) == ("model", ())
    assert other.answers.cells == best.answers.cells | {"two": "def g(): return 1\n"}
    assert bad.answers.cells == best.answers.cells | {"one": best.answers.cells["one"].replace("return a", "return b")}
    assert bad.fails == ("look",)


# ---------------------------------------------------------------- 样品班

def test_an_accident_comes_first_in_the_body_however_the_head_is_written(small):
    made = accident(small, ACCIDENTS[0]).cells
    assert made["one"].splitlines()[1:5] == ["def f(a,", "      b):", f"    {ACCIDENTS[0].code}", "    return a"]
    assert made["two"] == source.model(small).cells["two"]


@pytest.mark.parametrize("lab", labs().values(), ids=lambda lab: lab.name)
def test_every_accident_is_python_in_every_lab(lab):
    best = source.model(lab).cells
    for mishap in ACCIDENTS:
        made = accident(lab, mishap).cells
        assert [name for name in best if made[name] != best[name]] == [next(iter(lab.cells))]
        for text in made.values():
            compile(text, mishap.name, "exec")


def test_a_blank_answer_has_every_function_and_does_nothing():
    for name, text in blank(LAB).cells.items():
        space: dict = {}
        exec(text, space)
        for function in LAB.cells[name]:
            with pytest.raises(NotImplementedError):
                space[function](1, 2)


def test_filling_in_leaves_the_source_alone(small):
    book = filled(small, blank(small), written="因为")
    assert [source.text_of(c) for c in book["cells"]] == [*blank(small).cells.values(), "说明", "因为"]
    assert source.notebook(small)["cells"][1]["source"] == "def g():\n    return 1\n"


def test_the_class_takes_turns_and_starts_again(tmp_path):
    everyone = list(members(LAB))
    assert len({m.name for m in everyone}) == len(everyone)
    assert Counter(m.kind for m in everyone) == {
        "right": sum(not s.fails for s in source.samples(LAB)), "wrong": sum(bool(s.fails) for s in source.samples(LAB)),
        "accident": len(ACCIDENTS), "broken": len(FORMS)}
    assert [m.kind for m in everyone[:4]] == ["right", "wrong", "accident", "broken"]
    made = write_class(LAB, tmp_path, 5, chosen=everyone[:2])
    assert [m.kind for m in made.values()] == ["right", "wrong"] * 2 + ["right"]
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.ipynb")} == set(made)
    assert all((tmp_path / path).read_bytes() == member.data for path, member in made.items())
