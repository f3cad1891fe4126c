"""替身：这台机器做不了的一格放录制，说一句为什么；“全部运行”在每一种模式下都走到每一章的末尾。

读者写错了的照样是错误；答案与书上不同是发现；没有做成的一格不连累后面的。
"""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from sockscope.cells.recordings import Book

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.ipynb"))


def run(cells: list[str] | Path, mode: str, **options) -> list[nbformat.NotebookNode]:
    """在一个 Lab 那样的内核里运行，返回代码单元格。遇到错误就停下，除非 ``allow_errors``。"""
    if isinstance(cells, Path):
        book, folder = nbformat.read(cells, as_version=4), cells.parent
    else:
        book, folder = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells]), CHAPTERS[0].parent
    client = NotebookClient(book, timeout=120, resources={"metadata": {"path": str(folder)}}, **options)
    client.execute(env={**os.environ, "SOCKSCOPE_CAPTURE": mode})
    return [cell for cell in book.cells if cell.cell_type == "code"]


def said(cell: nbformat.NotebookNode) -> str:
    """一格显示出来的全部文字。"""
    return "\n".join(output.get("text") or output.data.get("text/plain", "") for output in cell.outputs
                     if output.output_type != "error")


EACH_TIME = ("03", "07")  # 只有录制的机器上，每一章都停在同一处（造网络）：平常做两章，全部的在 make soak


@pytest.mark.parametrize(("chapter", "mode"), [
    pytest.param(chapter, mode, id=f"{chapter.stem}-{mode}",
                 marks=[pytest.mark.soak] if mode == "recording" and not chapter.stem.startswith(EACH_TIME) else [])
    for chapter in CHAPTERS for mode in ("loopback", "recording")])
def test_run_all_reaches_the_end(chapter, mode):
    cells = run(chapter, mode)
    assert [output.ename for cell in cells for output in cell.outputs if output.output_type == "error"] == []
    recorded = Book.load(f"chapters/{chapter.name}").cells
    stood = [cell for cell in cells if said(cell).startswith("录制　")]
    for cell in stood:
        assert any(word in said(cell) for word in ("这台机器", "这是你指定的", "没有", "现在用的是")), cell.id
        shown = [output for output in cell.outputs if output.output_type != "stream"]
        assert len(shown) >= 1 + sum("stream" not in output for output in recorded[cell.id].outputs), cell.id
    if mode == "recording" and chapter.stem[:2] not in ("00",):
        assert stood


def source(chapter: str, name: str) -> str:
    book = nbformat.read(next(path for path in CHAPTERS if path.name.startswith(chapter)), as_version=4)
    return next(cell.source for cell in book.cells if cell.id == name)


def test_a_readers_own_mistake_stays_an_error():
    edited = source("05", "tools"), source("05", "one-close") + "\nassert net.trace.packets == 'nonsense'"
    cells = run(list(edited), "", allow_errors=True)
    assert [output.ename for output in cells[1].outputs if output.output_type == "error"] == ["AssertionError"]


def test_a_cell_run_out_of_order_is_not_blamed_on_the_machine():
    cells = run(["import sockscope", source("00", "asking-the-trace")], "", allow_errors=True)
    assert [output.ename for output in cells[1].outputs if output.output_type == "error"] == ["NameError"]


SPOIL = "from sockscope import Trace; Trace.states_of = lambda *_: ['NONSENSE']"
"""内核（假装）答得与书上不同。"""


def until_states_are_claimed() -> list[str]:
    """第 05 章，到第一格断言状态的为止；导入之后换掉内核的答案。"""
    chapter = next(path for path in CHAPTERS if path.name.startswith("05"))
    sources = [cell.source for cell in nbformat.read(chapter, as_version=4).cells if cell.cell_type == "code"]
    wanted = next(place for place, text in enumerate(sources) if "assert" in text and "states_of" in text)
    return [sources[0], SPOIL, *sources[1:wanted + 1]]


def test_a_kernel_that_differs_is_a_finding():
    """书里的一格原样，而这里的内核答得不一样：说出哪一句不成立，放书上的录制，不算出错。"""
    last = run(until_states_are_claimed(), "")[-1]
    assert said(last).startswith("录制　你的内核（Linux")
    assert "与书上不同：`assert" in said(last)


def test_nothing_stands_in_when_real_results_are_asked_for():
    last = run(until_states_are_claimed(), "cable", allow_errors=True)[-1]
    assert [output.ename for output in last.outputs if output.output_type == "error"] == ["AssertionError"]


def test_what_was_left_undone_does_not_trouble_what_follows():
    """没有做成的一格留下的名字没有着落：后面原样的一格不运行，读者自己写的照样运行；名字重新有了，一切照常。"""
    first, second = source("05", "tools"), source("05", "one-close")
    cells = run([first, second, "print('mine')", "net = 1; print(net)"], "recording")
    assert said(cells[1]).startswith("录制　")
    assert said(cells[2]) == "mine\n"
    assert said(cells[3]) == "1\n"
