"""装好的包：离开仓库也能用，数据都在里面，存心不良的答卷不在里面。"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
import sockscope
from sockscope import experiments, places
from sockscope.grading.exam.lab import labs
from sockscope.live.compiler import SOURCES
from sockscope.pages import errors, symptoms, terms
print(json.dumps({
    "file": sockscope.__file__, "root": str(places.ROOT),
    "experiments": len(experiments.names()), "recording": experiments.recording("closing").label,
    "explorer": sockscope.explorer("closing").payload["label"], "beliefs": len(sockscope.beliefs("05")),
    "symptoms": len(symptoms.groups()), "terms": len(terms.terms()), "c": len(list(SOURCES.glob("*.c"))),
    "labs": {name: len(lab.checks) for name, lab in labs().items()},
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """现做的一个 wheel。"""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True,
                   capture_output=True)
    found, = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """解开在一个别处的文件夹里；返回在那里运行一段程序的函数。"""
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(folder)

    def run(*arguments: str) -> str:
        env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([sys.executable, *arguments], cwd=folder.parent, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout
    run.folder = folder  # type: ignore[attr-defined]
    return run


def test_everything_a_reader_uses_works_outside_the_repository(installed):
    told = json.loads(installed("-c", PROGRAM))
    assert Path(told.pop("file")).is_relative_to(installed.folder)
    assert Path(told.pop("root")) == installed.folder / "sockscope" / "data"
    assert told.pop("labs").keys() == {path.name for path in (ROOT / "labs").glob("lab*")}
    assert told["recording"] == told["explorer"] == "录制"
    assert all(told.values()), told


def test_its_commands_work_outside_the_repository(installed):
    assert "网线" in installed("-m", "sockscope", "machine")
    assert "close" in installed("-m", "sockscope", "run", "closing")
    assert "release" in installed("-m", "sockscope.grading", "--help")


def test_what_belongs_to_the_tests_stays_with_the_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if any(word in name for word in ("hostil", "cheats", "attacks", "tests/"))] \
        == ["sockscope/data/book/hostility.json"]
    assert "sockscope/py.typed" in names
    assert Path(wheel).stat().st_size < 5_000_000
