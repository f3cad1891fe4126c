"""每一章的形状：该有的节都有，预测够数，单元格短，C 程序与文件一字不差。"""

from __future__ import annotations

import ast
import json
import re
import statistics
from pathlib import Path
from unicodedata import east_asian_width

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = [p for p in sorted((ROOT / "chapters").glob("*.ipynb")) if not p.name.startswith("00")]
SECTIONS = ["问题", "预测", "实验", "解释", "交互实验", "误区", "小结", "练习"]
SHAPES = [pytest.param(p, id=p.stem) for p in CHAPTERS]
LONGEST = 15
USUAL = 8  # 读者看得见的单元格，一半不长于此
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


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "chapters").glob("*.ipynb")), ROOT / "book" / "growing.ipynb"], ids=lambda p: p.stem)
def test_code_fits_the_page(path):
    shown = [c for c in cells(path, "code") if "remove-input" not in c["metadata"].get("tags", [])]
    listed = [code for c in cells(path, "markdown") for code in re.findall(r"```(?:c|python)\n(.*?)```", c["source"], re.DOTALL)]
    wide = [line for code in [c["source"] for c in shown] + listed for line in code.splitlines()
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


# ---------------------------------------------------------------- 读者看见的

def sections(path: Path, under: str) -> list[tuple[str, str, list[dict]]]:
    """某个二级标题之下的各个三级标题：``(标题, 标题之后的第一段, 这一节的全部单元格)``。"""
    found: list[tuple[str, str, list[dict]]] = []
    inside = False
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for title in re.findall(r"^## (.+)$", source, re.MULTILINE):
                inside = title == under
            for title, first in re.findall(r"^### (.+)\n+(.*)", source, re.MULTILINE) if inside else ():
                found.append((title, first, []))
        if inside and found:
            found[-1][2].append(cell)
    return found


def shown(path: Path) -> list[dict]:
    return [c for c in cells(path, "code") if "remove-input" not in c["metadata"].get("tags", [])]


@pytest.mark.parametrize("path", SHAPES)
def test_a_cell_shows_a_program_or_a_value(path):
    """至多一个断言；其余的证明在账本里。"""
    assert [c["id"] for c in shown(path) if len(re.findall(r"^\s*assert ", c["source"], re.MULTILINE)) > 1] == []


@pytest.mark.parametrize("path", SHAPES)
def test_half_of_the_cells_are_no_longer_than_usual(path):
    assert statistics.median(len(c["source"].splitlines()) for c in shown(path)) <= USUAL


@pytest.mark.parametrize("path", SHAPES)
def test_every_section_opens_with_its_question(path):
    """目录里写的就是它。"""
    asked = sections(path, "实验")
    assert len(asked) >= 2
    assert [title for title, first, _ in asked if not first.endswith("？")] == []


@pytest.mark.parametrize("path", SHAPES)
def test_every_wrong_prediction_says_why(path):
    for question in calls(path, "predict"):
        given = {k.arg: k.value for k in question.keywords}
        assert isinstance(given.get("wrong"), ast.Dict), ast.unparse(question)[:80]
        assert len(given["wrong"].keys) == len(given["choices"].keys) - 1, ast.unparse(question)[:80]


@pytest.mark.parametrize("path", SHAPES)
def test_exercises_have_their_solutions_folded_below(path):
    exercises = sections(path, "练习")
    assert 3 <= len(exercises) <= 6
    for number, (title, _, inside) in enumerate(exercises, 1):
        assert title.startswith(f"练习 {number}：")
        answers = [c for c in inside if "".join(c["source"]).startswith("#### 解答")]
        assert len(answers) == 1, title
        assert answers[0]["metadata"] == {"jp-MarkdownHeadingCollapsed": True}, title


def test_the_growing_program_in_the_page_is_the_files_themselves():
    """“一个程序的成长”里的每段 Python 和 C，都是 chapters/programs 与 chapters/c 里的原文。"""
    page = ROOT / "book" / "growing.ipynb"
    files = "\n".join(p.read_text() for folder in ("programs", "c") for p in sorted((ROOT / "chapters" / folder).iterdir()))
    shown = [code for c in cells(page, "markdown") for code in re.findall(r"```(?:c|python)\n(.*?)```", c["source"], re.DOTALL)]
    assert len(shown) >= 9
    assert [code[:60] for code in shown for piece in code.split("\n\n") if piece.strip("\n") not in files] == []


@pytest.mark.parametrize("path", sorted((ROOT / "chapters" / "programs").glob("*.py")), ids=lambda p: p.stem)
def test_a_program_fits_the_page(path):
    widths = [sum(2 if east_asian_width(x) in "WF" else 1 for x in line) for line in path.read_text().splitlines()]
    assert max(widths) <= WIDEST
