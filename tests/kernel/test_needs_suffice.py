"""书页里点哪一格都行：只先运行它需要的几格（``cells.needs``），结果就与书上的一样。"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.kernel.test_guest import Guest

from sockscope.cells.needs import needs
from sockscope.cells.recordings import book_notebooks, sources

CHAPTERS = [name for name in book_notebooks() if name.startswith("chapters/")]


@pytest.fixture
def guest(tmp_path) -> Iterator[Guest]:
    guest = Guest(str(tmp_path))
    yield guest
    assert guest.close() == 0


def before(number: int, table: list[list[int]]) -> set[int]:
    """一格需要的全部。"""
    return {place for need in table[number] for place in (need, *before(need, table))}


@pytest.mark.soak
@pytest.mark.parametrize("notebook", CHAPTERS)
def test_a_cell_needs_no_more_than_what_the_table_says(guest, notebook):
    cells = list(sources(notebook))
    table = needs([source for _, source in cells])
    wrong = {}
    for number, (name, source) in enumerate(cells):
        guest.cell("%reset -f", notebook)
        for place in sorted(before(number, table)):
            guest.cell(cells[place][1], notebook)
        told, outputs = guest.cell(source, notebook, name)
        if told.get("ok") != {"error": False, "same": ""}:
            wrong[name] = told, [output for output in outputs if output["output_type"] == "error"]
    assert wrong == {}
