"""书上的每一格此刻还是那样：整本再运行一遍，不许替身，逐格与录制比较；账本里的证明也一格一格地运行。

录制是哪个内核的，就在哪个内核上要求一字不差；别的内核上，不一样是发现（make compare 会列出来），不是错误。
"""

from __future__ import annotations

import pytest

from sockscope.cells.my_kernel import examined
from sockscope.cells.recordings import Book, book_notebooks
from sockscope.cells.runner import run
from sockscope.live import capability
from sockscope.pages import ledger


def series(kernel: str) -> str:
    """``Linux 6.18.44`` → ``Linux 6.18``。"""
    return ".".join(kernel.split(".")[:2])


def proofs(notebook: str) -> dict[str, list[str]]:
    """这一本里 单元格 → 证明；附录没有账本。"""
    chapter = next((chapter for chapter, path in ledger.chapters().items() if notebook == f"chapters/{path.name}"), "")
    return ledger.proofs(chapter) if chapter else {}


@pytest.mark.parametrize("notebook", book_notebooks())
def test_every_cell_does_what_the_book_shows(notebook):
    if capability().level != "cable":
        pytest.skip(f"要能抓包。{capability().sentence}")
    made, book = run(notebook, proofs=proofs(notebook)), Book.load(notebook)
    unlike = [finding for finding in examined(notebook, made) if finding.verdict != "same"]
    found = made.refuted + [f"{finding.name}：{finding.says}" for finding in unlike]
    if found and series(made.kernel) != series(book.kernel):
        pytest.skip(f"录制于 {book.kernel}，这里是 {made.kernel}：" + "；".join(found))
    assert found == []

