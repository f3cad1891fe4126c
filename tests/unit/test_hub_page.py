"""《一个班在一台服务器上》：表里的数都由测量算出来，没有测过就没有表。"""

from __future__ import annotations

import json

import pytest

from sockscope.pages import hub, teaching

SPREAD = {"count": 10, "median": 0.25, "p95": 1.5, "most": 2.0}
PART = {"median": 90, "most": 100, "hub": 200, "teacher": 300}
TOLD = {"machine": "四个核", "cores": 4, "date": "今天", "load": 0.1, "students": 8, "book_megabytes": 24, "home_megabytes": 10,
        "labels": ["实时"], "passed": 10, "grading": {"seconds": 20.0, "said": "", "full_marks": 8},
        "memory": dict.fromkeys((*hub.TIMES, "grading"), PART), **dict.fromkeys(hub.PARTS, SPREAD)}


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """一份编的测量。"""
    monkeypatch.setattr(teaching, "BOOK", tmp_path)
    (tmp_path / "measurements").mkdir()
    (tmp_path / hub.PLACE).write_text(json.dumps(TOLD))


def test_what_was_never_measured_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(teaching, "BOOK", tmp_path)
    assert [hub.class_at_once(), hub.memory(), hub.needs()] == [None, None, None]


@pytest.mark.parametrize(("count", "expected"), [
    (8, ("2 GB", "4 / 1 核", "1 GB")),          # 200 + 300 + 8 × 100 MB；与量的时候一样多的核
    (100, ("11 GB", "50 / 13 核", "1 GB")),     # 往上取整
    (500, ("50 GB", "250 / 63 核", "5 GB"))])
def test_needs_follow_the_formula(count, expected):
    assert hub.needed(TOLD, count) == expected


def test_a_table_says_how_it_was_measured(measured):
    table = hub.class_at_once()
    assert [tuple(row[1:]) for row in table.rows] == [("10", "250 ms", "1.5 s", "2.0 s")] * len(hub.PARTS)
    assert "8 个学生同时：四个核，测于 今天" in table.caption
    assert "推算，不是测量" in hub.needs().caption


def test_the_committed_measurement_has_what_the_page_needs():
    told = teaching.measured(hub.PLACE)
    assert [len(table().rows) for table in (hub.class_at_once, hub.memory, hub.needs)] \
        == [len(hub.PARTS), len(hub.TIMES), len(hub.CLASSES)]
    assert told["open"] == []
    assert (told["passed"], told["grading"]["full_marks"]) == (told["check"]["count"], told["students"])
