"""每一章的形状：该有的节都有，预测够数，单元格短，C 程序与文件一字不差。"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from unicodedata import east_asian_width

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = [p for p in sorted((ROOT / "chapters").glob("*.ipynb")) if not p.name.startswith("00")]
SECTIONS = ["问题", "预测", "实验", "解释", "交互实验", "误区", "小结", "练习"]
SHAPES = [pytest.param(p, id=p.stem) for p in CHAPTERS]
LONGEST = 15
WIDEST = 80  # 书页里一行代码放得下的格数，一个汉字占两格


def cells(path: Path, kind: str) -> list[dict]:
    return [{**c, "source": "".join(c["source"])} for c in json.loads(path.read_text())["cells"]
            if c["cell_type"] == kind]


def calls(path: Path, name: str) -> list[ast.Call]:
    """一章里对 ``name(...)`` 的全部调用。"""
    trees = [ast.parse(c["source"]) for c in cells(path, "code")]
    return [node for tree in trees for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name]


@pytest.mark.parametrize("path", SHAPES)
def test_sections_stand_in_order(path):
    text = "\n".join(c["source"] for c in cells(path, "markdown"))
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS


@pytest.mark.parametrize("path", SHAPES)
def test_there_are_enough_predictions(path):
    assert len(calls(path, "predict")) >= 4


@pytest.mark.parametrize("path", SHAPES)
def test_a_figure_comes_within_the_first_cells(path):
    first = cells(path, "code")[0]["source"].splitlines()[-1]
    assert first == "net.trace" or first.startswith("explorer(")


@pytest.mark.parametrize("path", SHAPES)
def test_there_is_an_explorer(path):
    assert calls(path, "explorer")


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda p: p.stem)
def test_cells_are_short_and_never_sleep(path):
    for cell in cells(path, "code"):
        lines = cell["source"].splitlines()
        assert len(lines) <= LONGEST, cell["id"]
        assert "sleep" not in cell["source"], cell["id"]


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda p: p.stem)
def test_code_fits_the_page(path):
    shown = [c for c in cells(path, "code") if "remove-input" not in c["metadata"].get("tags", [])]
    wide = [f"{c['id']}: {line}" for c in shown for line in c["source"].splitlines()
            if sum(2 if east_asian_width(x) in "WF" else 1 for x in line) > WIDEST]
    assert wide == []


@pytest.mark.parametrize("path", SHAPES)
def test_predictions_are_keyed_by_recordings(path):
    for question in calls(path, "predict"):
        given = {k.arg for k in question.keywords}
        assert {"experiment", "answer", "choices", "because"} <= given


@pytest.mark.parametrize("path", SHAPES)
def test_predictions_are_folded_in_lab(path):
    """出题的代码里有“为什么”，所以书页里去掉，Lab 里折起来。"""
    asking = [c for c in cells(path, "code") if c["source"].startswith("predict(")]
    assert asking
    for cell in asking:
        assert cell["metadata"].get("jupyter") == {"source_hidden": True}, cell["id"]
        assert "remove-input" in cell["metadata"]["tags"], cell["id"]


@pytest.mark.parametrize("path", SHAPES)
def test_c_in_the_page_is_the_file_itself(path):
    """标题为 **C** 的代码块，必须是 chapters/c 里某个文件的一段原文。"""
    programs = [p.read_text() for p in (ROOT / "chapters" / "c").glob("*.c")]
    for cell in cells(path, "markdown"):
        for shown in re.findall(r"\*\*C\*\*\n\n```c\n(.*?)```", cell["source"], re.DOTALL):
            assert any(shown in program for program in programs), f"{cell['id']} 里的 C 与文件不同"
