"""运行一本笔记本：一个真的内核，从头到尾，每一格的输出记成数据。出错的格子也只是一种输出，后面的照样运行。"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

from sockscope import places
from sockscope.cells.kernel import START
from sockscope.cells.outputs import Output, kept
from sockscope.cells.proofs import proving
from sockscope.cells.recordings import Book, Cell, book_notebooks, digest, sources
from sockscope.live.capability import kernel
from sockscope.live.pace import patience
from sockscope.pool import Work
from sockscope.trace import from_json

__all__ = ["Told", "run", "run_all"]

PROOF = "_proof_"  # 证明的单元格的名字里有它；人取的名字里没有下划线
LIMIT = 120  # 一格最多运行多久，秒
STRICT = {"SOCKSCOPE_CAPTURE": "cable"}  # 要的是真的结果：不许用录制顶替
Told = Callable[[str, str], None]
"""进展：``(笔记本, 刚刚做完的单元格)``。"""


class Stopped(Exception):
    """有人叫停。"""


def run(notebook: str, on_cell: Told | None = None, stopping: Callable[[], bool] = lambda: False,
        proofs: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Book:
    """运行一本笔记本，返回它在这台机器上的录制。

    ``proofs``：单元格的名字 → 紧跟在它之后运行的几段证明；不成立的写在 ``Book.refuted`` 里。
    内核中途死了、或一格过了 ``LIMIT`` 秒，抛 ``RuntimeError``，说明停在哪一格；叫停了抛 ``Stopped``。
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    path = places.ROOT / notebook
    whole = nbformat.read(path, as_version=4)
    whole.cells = [nbformat.v4.new_code_cell(START), *_with_proofs(whole.cells, proofs)]
    at, known = [""], {name for name, _ in sources(notebook)}

    def started(cell: Any, **_: Any) -> None:
        at[0] = cell.id
        if stopping():
            raise Stopped

    def done(cell: Any, **_: Any) -> None:
        if on_cell is not None and cell.id in known:
            on_cell(notebook, cell.id)

    client = NotebookClient(whole, timeout=round(patience(LIMIT)), allow_errors=True,
                            resources={"metadata": {"path": str(path.parent)}},
                            on_cell_start=started, on_cell_executed=done)
    try:
        client.execute(env={**os.environ, **STRICT}, stderr=_quiet())
    except (CellTimeoutError, DeadKernelError) as error:
        raise RuntimeError(f"{notebook} 运行到 {at[0]} 停住了：{type(error).__name__}。") from None
    found = {cell.id: kept(cell.outputs) for cell in whole.cells[1:]}
    return Book(notebook, kernel().partition("-")[0], {
        name: Cell(name, digest(source), found[name]) for name, source in sources(notebook)},
        [f"{name.partition(PROOF)[0]}：{output['error']}：{output['says']}" for name, outputs in found.items()
         if PROOF in name for output in outputs if "error" in output])


def _with_proofs(cells: Iterable[Any], proofs: Mapping[str, Sequence[str]]) -> Iterator[Any]:
    """代码单元格，和紧跟在后面的证明。"""
    from nbformat.v4 import new_code_cell

    for cell in cells:
        if cell.cell_type == "code":
            yield cell
            for number, proof in enumerate(proofs.get(cell.id, ())):
                yield new_code_cell(proving(proof), id=f"{cell.id}{PROOF}{number}")


def _quiet() -> int:
    """内核启动时在标准错误上的闲话，不给读者看。"""
    import subprocess

    return subprocess.DEVNULL


def run_all(notebooks: Iterable[str] = (), *, at_once: int = 2, on_cell: Told | None = None,
            stopping: Callable[[], bool] = lambda: False) -> Iterator[tuple[str, Book | Exception]]:
    """同时运行几本，做完一本交出一本：``(笔记本, 录制或为什么没有做成)``。

    上次用得久的先来，免得最后只剩它。``stopping`` 为真以后，没有开始的不再开始，正在运行的到下一格为止。
    """
    wanted = sorted(notebooks or book_notebooks(), key=lambda notebook: -weight(notebook))
    with ThreadPoolExecutor(at_once) as pool:
        work: Work[Book] = Work(pool)
        notebook_of = {work.give(run, notebook, on_cell, stopping): notebook for notebook in wanted}
        for future in work:
            error = future.exception()
            if error is not None and not isinstance(error, Exception):
                raise error
            yield notebook_of[future], error or future.result()


def weight(notebook: str) -> int:
    """一本大约要运行多久：录下的轨迹一共多长（纳秒），加上每格的开销。"""
    book = Book.load(notebook)
    traces = (from_json(output["trace"]) for cell in book.cells.values() for output in cell.outputs if "trace" in output)
    return sum(trace.duration for trace in traces) + 10**8 * len(sources(notebook))


def errors(book: Book) -> Iterator[tuple[str, Output]]:
    """出了错的格子：``(名字, 那份输出)``。"""
    for name, cell in book.cells.items():
        for output in cell.outputs:
            if "error" in output:
                yield name, output
