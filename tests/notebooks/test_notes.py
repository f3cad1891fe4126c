"""笔记与书：笔记里的每一处都有着落，指着的单元格都在，纠正的都写明应当怎样。"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sockscope.pages import ledger, notes

PAGE = Path(__file__).parents[2] / notes.PAGE
ROWS = [pytest.param(row, id=row.says[:30]) for row in notes.rows()]


def here() -> dict[str, str]:
    return {c["id"]: "".join(c["source"]) for c in json.loads(PAGE.read_text())["cells"]}


@pytest.mark.parametrize("row", ROWS)
def test_every_line_of_the_notes_leads_somewhere(row):
    assert row.verdict in notes.VERDICTS
    assert row.right or row.verdict == "讲到", "补全或纠正的，要写明应当怎样"
    if row.chapter == notes.HERE:
        assert row.cell in here()
    else:
        assert row.link
        claims = {claim.cell for claim in ledger.claims(row.chapter)}
        assert row.cell in claims, "那个单元格不在账本里：没有证明"


def test_nothing_is_said_twice():
    said = [(part, row.says) for part in notes.parts() for row in notes.rows(part)]
    assert len(set(said)) == len(said) >= 129


def test_the_page_shows_every_part():
    shown = "".join(here().values())
    assert all(f'notes("{part}")' in shown for part in notes.parts())
