"""tools/environment：找不到合适的 Python 时，用一句中文说清该装什么。"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path) -> Path:
    """一份只有安装所需文件的仓库。"""
    (tmp_path / "tools").mkdir()
    for name in ("tools/environment", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def fake(clone: Path, script: str) -> Path:
    """一个假的 Python。"""
    path = clone / "python-fake"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def prepare(clone: Path, python: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["tools/environment", ".venv"], cwd=clone, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "PYTHON": str(python)})


def test_an_unsuitable_python_is_refused_in_chinese(clone):
    done = prepare(clone, fake(clone, "exit 1"))
    assert done.returncode == 1
    assert "没有找到 Python 3.11、3.12 或 3.13" in done.stderr
    assert not (clone / ".venv").exists()


def test_a_python_without_venv_names_the_package(clone):
    done = prepare(clone, fake(clone, f'case "$*" in *ensurepip*) exit 1 ;; esac; exec {sys.executable} "$@"'))
    assert done.returncode == 1
    assert "sudo apt install python3-venv" in done.stderr


def test_a_ready_environment_is_left_alone(clone):
    ready = clone / ".venv" / "bin" / "python"
    ready.parent.mkdir(parents=True)
    ready.symlink_to(sys.executable)
    wanted = subprocess.run(["sh", "-c", 'printf %s "$(cksum requirements.txt pyproject.toml) $(pwd)"'],
                            cwd=clone, capture_output=True, text=True, check=True).stdout
    (clone / ".venv" / ".ready").write_text(wanted)
    done = prepare(clone, fake(clone, "exit 1"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
