"""文档里的名字都存在，仓库里没有这台机器的痕迹。"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
HELPED = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
PATH = re.compile(r"`([\w.-]+(?:/[\w.*-]*)+)`")
TEXT = {".py", ".md", ".yml", ".toml", ".txt", ".css", ".html", ".ipynb", ".json", ".js", ".svg", ".c", ".sh", ""}
# 拼起来写，免得这个文件自己被认出来。
TRACES = ["/" + "root/", "/" + "home/", "/" + "work/", "/" + "tmp/w/", "/" + "Users/",
          "../" + "shared", "pypi" + "-more"]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def own_text() -> list[Path]:
    return [p for p in tracked() if p.suffix in TEXT and "vendor" not in p.parts]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_in_the_documents_exist(name):
    asked = set(re.findall(r"\bmake ([a-z-]+)\b", (ROOT / name).read_text()))
    assert asked <= TARGETS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_in_the_documents_exist(name):
    """从仓库的顶层算起，或者是 src/sockscope 里的一间房。"""
    rooms = ROOT, ROOT / "src" / "sockscope", ROOT / "src" / "sockscope" / "grading"
    for path in PATH.findall((ROOT / name).read_text()):
        assert any(list(room.glob(path.rstrip("/"))) for room in rooms), path


def test_the_readme_asks_for_two_commands_only():
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert {line.strip() for block in blocks for line in block.splitlines() if line.startswith("make")} \
        == {"make serve", "make test"}


def test_help_lists_every_target():
    assert set(HELPED) == TARGETS - {"environment", "browser"}


def test_help_prints_them():
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert re.findall(r"make ([a-z-]+)", shown) == HELPED


@pytest.mark.parametrize("trace", TRACES)
def test_nothing_of_this_machine_is_committed(trace):
    assert [str(p.relative_to(ROOT)) for p in own_text() if trace in p.read_text(errors="replace")] == []


def test_no_source_page_loads_from_outside():
    loaded = re.compile(r"""(?:src=|@import\s+|url\(|from\s+|import\()["']?(?:https?:)?//\w""")
    pages = [p for p in own_text() if p.suffix in {".html", ".css", ".js", ".ipynb", ".svg"} or p.parent == ROOT / "book"]
    assert [str(p.relative_to(ROOT)) for p in pages if loaded.search(p.read_text())] == []


def test_no_file_is_enormous():
    big = [str(p.relative_to(ROOT)) for p in tracked() if "vendor" not in p.parts and p.stat().st_size > 3_000_000]
    assert big == []


def keys(text: str) -> list[tuple[str, ...]]:
    """YAML 里一行一个的键，每个连同它的上级；列表的一项另起一段。"""
    found: list[tuple[str, ...]] = []
    above: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines()):
        if told := re.match(r"( *(?:- +)?)([\w.-]+):(?: |$)", line):
            indent = len(told[1])
            above = [one for one in above if one[0] < indent - 2 * ("-" in told[1])]
            above += [(indent - 1, f"- {number}")] * ("-" in told[1]) + [(indent, told[2])]
            found.append(tuple(name for _, name in above))
    return found


@pytest.mark.parametrize("path", [p for p in tracked() if p.suffix == ".yml"], ids=lambda p: p.name)
def test_no_key_is_written_twice(path):
    """YAML 的后一个悄悄盖过前一个。"""
    found = keys(path.read_text(encoding="utf-8"))
    assert found
    assert sorted({key for key in found if found.count(key) > 1}) == []


def test_the_scan_of_keys_sees_what_it_looks_for():
    assert keys("a:\n  b: 1\n  b: 2\nc:\n  b: 1\n") == [("a",), ("a", "b"), ("a", "b"), ("c",), ("c", "b")]
    items = keys("a:\n  - b: 1\n    c: 2\n  - b: 1\n")
    assert len(set(items)) == len(items) == 4
