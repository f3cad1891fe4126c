"""构建全书的判断：什么变了就重做什么。"""

from __future__ import annotations

import importlib.util
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def build(root, tmp_path, monkeypatch):
    """book/build.py，搬到一个空目录里。"""
    spec = importlib.util.spec_from_file_location("build", root / "book" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for name, folder in (("OUTPUT", "html"), ("CACHE", ".jupyter_cache"), ("LOCK", "lock")):
        monkeypatch.setattr(module, name, tmp_path / "_build" / folder)
    return module


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_each_source_changes_its_own_group(build, tmp_path):
    before = build.fingerprints()
    write(tmp_path / "src/sockscope/tcp.py", "x = 1")
    after = build.fingerprints()
    assert after["program"] != before["program"]
    assert after["page"] == before["page"]
    write(tmp_path / "chapters/05_close.ipynb", "{}")
    assert build.fingerprints()["page"] != after["page"]


def test_checkpoints_and_caches_do_not_count(build, tmp_path):
    before = build.fingerprints()
    write(tmp_path / "chapters/.ipynb_checkpoints/05_close-checkpoint.ipynb", "{}")
    write(tmp_path / "src/sockscope/__pycache__/tcp.pyc", "x")
    assert build.fingerprints() == before


@pytest.mark.parametrize(("group", "cache", "html"), [
    ("page", True, True), ("house", True, False), ("program", False, False)])
def test_what_a_change_throws_away(build, tmp_path, group, cache, html):
    executed, page = write(tmp_path / "_build/.jupyter_cache/1"), write(tmp_path / "_build/html/index.html")
    old = {"page": "1", "house": "1", "program": "1"}
    build.prepare(old, old | {group: "2"})
    assert (executed.exists(), page.exists()) == (cache, html)


@pytest.mark.skipif(sys.platform == "win32", reason="flock(2) 只在 POSIX 系统上有")
def test_two_builds_take_turns(build):
    import fcntl

    with build.alone(), open(build.LOCK) as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(build.LOCK) as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


EXECUTING = """
import os, signal
from concurrent.futures import ProcessPoolExecutor
from book import build

def work():
    print(os.getpid(), flush=True)
    signal.pause()

with ProcessPoolExecutor(1, initializer=build.settle_in) as pool:
    pool.submit(work).result()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="随父进程一起消失的进程（PR_SET_PDEATHSIG）只在 Linux 上有")
def test_a_killed_build_leaves_nobody_executing(root):
    with subprocess.Popen([sys.executable, "-c", EXECUTING], cwd=root, stdout=subprocess.PIPE, text=True) as building:
        executing = os.pidfd_open(int(building.stdout.readline()))
        try:
            building.kill()
            assert select.select([executing], [], [], 30)[0], "构建的进程被杀死了，执行笔记本的还在"
        finally:
            if not select.select([executing], [], [], 0)[0]:
                signal.pidfd_send_signal(executing, signal.SIGKILL)
            os.close(executing)
