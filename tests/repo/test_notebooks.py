"""仓库里的笔记本都干净；检查它们的工具也确实会说不。"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sockscope.cells.notebook import METADATA, check, clean, main, notebooks

ROOT = Path(__file__).parents[2]


def notebook(*cells, metadata=METADATA) -> str:
    return json.dumps({"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5},
                      indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def code(source="x = 1", name="half-close", **changes) -> dict:
    return {"cell_type": "code", "id": name, "metadata": {}, "source": [source], "outputs": [],
            "execution_count": None} | changes


def test_there_are_notebooks():
    assert notebooks(ROOT)


@pytest.mark.parametrize("path", notebooks(ROOT), ids=lambda path: path.stem)
def test_committed_notebooks_are_clean(path):
    assert check(path.read_text()) == []


def test_a_clean_notebook_passes():
    assert check(notebook(code())) == []


@pytest.mark.parametrize("cell", [
    code(outputs=[{"output_type": "stream", "name": "stdout", "text": ["1"]}]),
    code(execution_count=3),
    code(metadata={"collapsed": True}),
    code(name="a1b2c3d4"),
    code(name="Half_Close"),
    code(source="%%tiem\nx = 1"),
    code(source="%matplotlob inline"),
    code(source="child = 'import os  # 中文'"),
], ids=["output", "count", "metadata", "random-id", "bad-id", "cell-magic", "line-magic", "child-program"])
def test_what_must_be_refused(cell):
    assert check(notebook(cell))


def test_a_known_magic_passes():
    assert not [p for p in check(notebook(code(source="%time x = 1"))) if "魔法" in p]


def test_two_cells_with_one_name_are_refused():
    assert any("两次" in problem for problem in check(notebook(code(), code())))


def test_kernel_metadata_of_one_machine_is_refused():
    assert check(notebook(code(), metadata=METADATA | {"language_info": {"name": "python", "version": "3.11.7"}}))


def test_fix_mends_all_but_names(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(code(execution_count=3, metadata={"x": 1})))
    assert main(["--check", str(path)]) == 1
    assert main(["--fix", str(path)]) == 0
    assert path.read_text() == clean(path.read_text()) == notebook(code())


def test_not_json_is_one_sentence():
    assert len(check("nonsense")) == 1
