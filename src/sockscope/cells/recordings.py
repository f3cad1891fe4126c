"""一本笔记本的录制：``recordings/cells/chapters/05_closing.json``，一格一段，按笔记本里的次序。

每格带着源码的摘要。源码改过，这一格的录制就不再算数（``stale``）；重录而结果没有变，旧的原样留下，
所以 ``git diff recordings/`` 只给人看真的变了的东西。
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from sockscope import places
from sockscope.cells.outputs import Output, difference
from sockscope.trace import TraceError, dumps, from_json, parse

__all__ = ["Book", "Cell", "book_notebooks", "code_cells", "digest", "read", "sources"]

FORMAT = "sockscope-cells/1"


@dataclass(frozen=True)
class Cell:
    """一格的录制：名字、源码的摘要、输出。"""

    name: str
    digest: str
    outputs: list[Output]


@dataclass
class Book:
    """一本笔记本的录制。``notebook`` 是它在仓库里的路径，如 ``chapters/05_closing.ipynb``。

    ``refuted`` 是刚才运行时不成立的证明，一处一句；不写进文件。
    """

    notebook: str
    kernel: str = ""
    cells: dict[str, Cell] = field(default_factory=dict)
    refuted: list[str] = field(default_factory=list)

    def path(self, folder: Path | None = None) -> Path:
        """它的文件；``folder`` 缺省是仓库里的录制。"""
        return (folder or places.recordings() / "cells") / Path(self.notebook).with_suffix(".json")

    @classmethod
    def load(cls, notebook: str, folder: Path | None = None) -> Book:
        """读回录制；还没有录过，就是空的一份。不合格式抛 ``TraceError``。"""
        path = cls(notebook).path(folder)
        return _load(notebook, path, path.stat().st_mtime_ns) if path.exists() else cls(notebook)

    def outputs(self, name: str, source: str) -> list[Output] | None:
        """一格的输出；没有录过，或源码已经改了，则为 None。"""
        cell = self.cells.get(name)
        return cell.outputs if cell is not None and cell.digest == digest(source) else None

    def stale(self) -> list[str]:
        """笔记本里没有录、或录过又改了的单元格。"""
        return [name for name, source in sources(self.notebook) if self.outputs(name, source) is None]

    def keep(self, old: Book) -> Book:
        """与旧录制没有实质不同的格子，用旧的。"""
        for name, cell in self.cells.items():
            before = old.cells.get(name)
            if before is not None and not difference(before.outputs, cell.outputs):
                self.cells[name] = Cell(name, cell.digest, before.outputs)
        if self.cells == old.cells:
            self.kernel = old.kernel
        return self

    def save(self, folder: Path | None = None) -> None:
        """写回文件：一份输出一段，轨迹一个事件一行。"""
        head = {"format": FORMAT, "notebook": self.notebook, "kernel": self.kernel}
        cells = ",\n".join(_cell_text(cell) for cell in self.cells.values())
        path = self.path(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{_compact(head)[:-1]},"cells":[\n{cells}\n]}}\n', encoding="utf-8")


def _cell_text(cell: Cell) -> str:
    outputs = ",\n".join(map(_output_text, cell.outputs))
    return f'{{"name":{_compact(cell.name)},"digest":"{cell.digest}","outputs":[{outputs}]}}'


def _output_text(output: Output) -> str:
    if "trace" in output:
        return f'{{"trace":{dumps(from_json(output["trace"])).rstrip()}}}'
    return _compact(output)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=32)
def _load(notebook: str, path: Path, _modified: int) -> Book:
    where = f"单元格的录制 {path.name}"
    told = parse(path.read_bytes(), where)
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise TraceError(f"{where} 的 format 应为 {FORMAT!r}。运行 make record 重录。")
    cells = (Cell(item["name"], item["digest"], item["outputs"]) for item in told["cells"])
    return Book(notebook, told["kernel"], {cell.name: cell for cell in cells})


def digest(source: str) -> str:
    """一格源码的摘要。"""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


# ---------------------------------------------------------------- 笔记本

def book_notebooks() -> list[str]:
    """全书的笔记本，各章在前。"""
    root = places.ROOT
    return [f"{folder}/{path.name}" for folder in ("chapters", "book") for path in sorted((root / folder).glob("*.ipynb"))]


@lru_cache(maxsize=32)
def _read(path: Path, _modified: int) -> dict[str, Any]:
    book: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return book


def read(notebook: str) -> dict[str, Any]:
    """一本笔记本的 JSON；不要改它。没有这一本抛 ``FileNotFoundError``。"""
    path = places.ROOT / notebook
    return _read(path, path.stat().st_mtime_ns)


def code_cells(book: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """代码单元格：名字和源码。"""
    return ((cell["id"], "".join(cell["source"])) for cell in book["cells"] if cell["cell_type"] == "code")


def sources(notebook: str) -> list[tuple[str, str]]:
    """一本笔记本的代码单元格：``[(名字, 源码)]``。"""
    return list(code_cells(read(notebook)))
