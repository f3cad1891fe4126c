"""构建全书的判断：什么变了就重做什么；没有排成，上一本还在；改过的单元格，做得了就执行，做不了就说出名字。"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from sockscope.cells import recordings, runner
from sockscope.cells.recordings import Book, Cell, digest
from sockscope.live.capability import Capability

NOTEBOOK = "chapters/05_closing.ipynb"


@pytest.fixture
def module(root):
    """book/build.py，这个测试自己的一份。"""
    spec = importlib.util.spec_from_file_location("build", root / "book" / "build.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def build(module, tmp_path, monkeypatch):
    """搬到一个空目录里；排版只写下一页。"""
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(module, "refresh_cells", lambda: None)
    (tmp_path / "_build").mkdir()
    return module


def typesetting(page: str, status: int = 0):
    """一次排版：先写下几页，再成功或失败。"""
    def typeset(work: Path) -> tuple[int, list[str]]:
        write(work / "html" / "index.html", page)
        return status, ["chapters/05_closing.ipynb:3: WARNING: 坏链接"] if status else []
    return typeset


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def published(build) -> str:
    return (build.BUILD / "html" / "index.html").read_text()


def test_each_source_changes_its_own_group(build, tmp_path):
    before = build.fingerprints()
    write(tmp_path / "src/sockscope/tcp.py", "x = 1")
    after = build.fingerprints()
    assert after["house"] != before["house"]
    assert after["page"] == before["page"]
    write(tmp_path / "chapters/05_close.ipynb", "{}")
    assert build.fingerprints()["page"] != after["page"]
    write(tmp_path / "recordings/cells/chapters/05_close.json", "{}")
    assert build.fingerprints()["house"] != after["house"]


def test_checkpoints_and_caches_do_not_count(build, tmp_path):
    before = build.fingerprints()
    write(tmp_path / "chapters/.ipynb_checkpoints/05_close-checkpoint.ipynb", "{}")
    write(tmp_path / "src/sockscope/__pycache__/tcp.pyc", "x")
    assert build.fingerprints() == before


@pytest.mark.parametrize(("source", "kept"), [("chapters/05_close.ipynb", True), ("src/sockscope/tcp.py", False)])
def test_only_a_change_of_the_house_typesets_everything(build, tmp_path, monkeypatch, source, kept):
    monkeypatch.setattr(build, "typeset", typesetting("first"))
    assert build.build() == 0
    doctree = write(build.BUILD / "work/doctrees/environment.pickle")
    write(tmp_path / source, "changed")
    assert build.build() == 0
    assert doctree.exists() == kept


def test_nothing_is_done_when_nothing_changed(build, monkeypatch, capsys):
    monkeypatch.setattr(build, "typeset", typesetting("first"))
    build.build()
    monkeypatch.setattr(build, "typeset", typesetting("again"))
    assert build.build() == 0
    assert "书是最新的" in capsys.readouterr().out
    assert published(build) == "first"
    assert build.build(force=True) == 0
    assert published(build) == "again"


def test_a_failed_build_keeps_the_last_good_book(build, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build, "typeset", typesetting("good"))
    build.build()
    write(tmp_path / "index.md", "changed")
    monkeypatch.setattr(build, "typeset", typesetting("half", status=1))
    assert build.build() == 1
    assert published(build) == "good"
    said = capsys.readouterr().err
    assert "坏链接" in said
    assert "_build/html 里还是上一本" in said
    monkeypatch.setattr(build, "typeset", typesetting("mended"))
    assert build.build() == 0, "失败过的来源没有记成“最新”"
    assert published(build) == "mended"


@pytest.mark.skipif(sys.platform == "win32", reason="flock(2) 只在 POSIX 系统上有")
def test_two_builds_take_turns(build):
    import fcntl

    with build.alone(), open(build.BUILD / "lock") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(build.BUILD / "lock") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


# ---------------------------------------------------------------- 改过的单元格

@pytest.fixture
def edited(module, root, tmp_path, monkeypatch):
    """一份改过一格的第 05 章；``refresh_cells`` 是真的。"""
    monkeypatch.setattr(module, "BUILD", tmp_path)
    whole = json.loads((root / NOTEBOOK).read_text())
    next(cell for cell in whole["cells"] if cell["id"] == "half-close")["source"].append("\n1 / 0")
    read = recordings.read
    monkeypatch.setattr(recordings, "read", lambda name: whole if name == NOTEBOOK else read(name))
    return module


def test_where_nothing_can_run_the_edited_cell_is_named(edited, monkeypatch, capsys):
    monkeypatch.setattr(sys.modules["sockscope.live.capability"], "capability", lambda: Capability("loopback", "没有网线。"))
    edited.refresh_cells()
    assert capsys.readouterr().out == f"  {NOTEBOOK} 里改过的单元格没有录制：half-close。实时（无抓包）。没有网线。\n"


def test_where_it_can_the_notebook_is_executed_once(edited, monkeypatch, capsys):
    monkeypatch.setattr(sys.modules["sockscope.live.capability"], "capability", lambda: Capability("cable"))
    asked = []

    def run_all(notebooks):
        for name in notebooks:
            asked.append(name)
            cells = {cell: Cell(cell, digest(source), []) for cell, source in recordings.sources(name)}
            failed = {"error": "ZeroDivisionError", "says": "division by zero", "where": "1 / 0"}
            cells["half-close"] = Cell("half-close", cells["half-close"].digest, [failed])
            yield name, Book(name, "Linux", cells)

    monkeypatch.setattr(runner, "run_all", run_all)
    edited.refresh_cells()
    edited.refresh_cells()
    assert asked == [NOTEBOOK]
    assert "half-close 没有录制：`1 / 0` 抛出 ZeroDivisionError：division by zero" in capsys.readouterr().out
