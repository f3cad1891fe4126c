"""附录 F 的页内内核那一节：每个实验都在表里，不同的都说得出来历，数字由 JSON 而来。"""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from sockscope import experiments
from sockscope.pages import page_kernel

TOLD = page_kernel.load()
OLDER = {"five-at-once"}  # 页内内核旧些，半连接少记一条：known.toml 的 syn_queue


def test_every_experiment_was_tried():
    assert set(TOLD["experiments"]) <= set(experiments.names(recorded=True))
    assert len(TOLD["experiments"]) >= 82


def test_what_differs_says_why():
    assert [name for name, one in TOLD["experiments"].items() if one["verdict"] != "same" and not one.get("why")] == []


def test_most_are_the_same():
    assert sum(one["verdict"] == "same" for one in TOLD["experiments"].values()) >= 80


def test_two_chapters_ran_cell_by_cell():
    from sockscope.cells.recordings import sources

    assert set(TOLD["cells"]) == {"chapters/03_connecting.ipynb", "chapters/05_closing.ipynb"}
    for notebook, cells in TOLD["cells"].items():
        assert set(cells) == {name for name, _ in sources(notebook)}
        assert {name for name, one in cells.items() if one["verdict"] != "same"} <= OLDER


def test_the_page_is_made_of_the_numbers(monkeypatch):
    made_up = deepcopy(TOLD) | {"bytes": 12_345_678}
    made_up["experiments"] = {"closing": {"verdict": "impossible", "says": "做不到。", "ms": 1500},
                              "handshake": {"verdict": "same", "why": "因为这样。", "ms": 200}}
    made_up["cells"] = {"chapters/03_connecting.ipynb": {"x": {"verdict": "differs", "says": "不同。", "ms": 1}}}
    monkeypatch.setattr(page_kernel, "load", lambda: made_up)
    assert "12.3 MB" in page_kernel.page_kernel_cost()._repr_html_()
    table = page_kernel.page_kernel_table()._repr_html_()
    for said in ("做不了", "做不到。", "1.5 秒", "同，写法不同", "因为这样。", "2 个实验里的 1 个；第 03 章 1 格里的 0 格。"):
        assert said in table
    assert table.index("handshake") < table.index("closing")  # 照书里的次序


def test_another_format_is_one_sentence(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps({"format": "x"}))
    with pytest.raises(ValueError, match=r"x\.json 的 format 应为 'sockscope-page-kernel/1'"):
        page_kernel.load(tmp_path / "x.json")
