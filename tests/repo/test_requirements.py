"""依赖：全部钉死，与 pyproject.toml 一致，不提任何一台仓库服务器。"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_requirement_is_pinned():
    assert LINES[-1] == "-e ."
    assert [line for line in LINES[:-1] if not re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line)] == []


def test_no_registry_is_named():
    assert not re.search(r"https?:|index-url|find-links|@", (ROOT / "requirements.txt").read_text())


def test_everything_the_project_asks_for_is_locked():
    extras = PROJECT["optional-dependencies"].values()
    wanted = [*PROJECT["dependencies"], *(d for extra in extras for d in extra)]
    locked = {normal(line.split("==")[0]) for line in LINES[:-1]}
    assert {normal(re.match(r"[\w.-]+", dependency)[0]) for dependency in wanted} <= locked


def test_changelog_knows_this_version():
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_interpreters_agree():
    """pyproject、安装脚本和持续集成说的是同一组 Python。"""
    assert PROJECT["requires-python"] == ">=3.11,<3.15"  # 仓库的环境锁在试过的三个版本上，装好的包再宽一个
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (ROOT / "tools" / "environment").read_text()
    assert '["3.11", "3.12", "3.13"]' in (ROOT / ".github" / "workflows" / "test.yml").read_text()
