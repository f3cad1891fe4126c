"""书在后台构建：进度、成败、上一本书；握着它的一方怎样结束，它都跟着结束。"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sockscope.serve.builder import Builder
from sockscope.serve.pages import notice, waiting

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="管道文件与进程组只在 POSIX 系统上有")


def prepared(root: Path, *program: str, book: str = "") -> Builder:
    """一间只有假的 build.py 的房子；``book`` 是已经有的那本。"""
    (root / "book").mkdir()
    (root / "book" / "build.py").write_text("\n".join(program), encoding="utf-8")
    if book:
        (root / "_build" / "html").mkdir(parents=True)
        (root / "_build" / "html" / "index.html").write_text(book)
    return Builder(root)


def finished(builder: Builder) -> Builder:
    """开始构建，等它自己结束。"""
    builder.start()
    builder._listener.join()
    return builder


MAKE = "import pathlib; here = pathlib.Path('_build/html'); here.mkdir(parents=True); (here / 'index.html').write_text('书')"


@POSIX
def test_the_progress_is_heard_while_it_runs(tmp_path):
    """假的构建停在半路，等一个管道文件放行：此刻看到的就是它说到的地方。"""
    os.mkfifo(tmp_path / "told")
    os.mkfifo(tmp_path / "go")
    builder = prepared(tmp_path, "print('• 构建全书'); print('  写网页 40%', flush=True)", "open('told', 'w').close()",
                       "open('go').read()", MAKE)
    heard = builder._hear
    half = []
    builder._hear = lambda line: (heard(line), half.append(builder.state()) if "%" in line else None)
    builder.start()
    (tmp_path / "told").open().close()
    assert builder.running
    assert builder.state()["state"] == "building"
    (tmp_path / "go").write_text("")
    builder._listener.join()
    assert half == [{"state": "building", "stage": "写网页", "percent": 40, "lines": ["• 构建全书"]}]
    assert builder.state()["state"] == "ready"


def test_a_failure_is_told_with_its_lines(tmp_path):
    builder = finished(prepared(tmp_path, "print('  写网页 40%'); print('第 5 章 <坏了>'); raise SystemExit('书没有构建成功。')"))
    state = builder.state()
    assert (state["state"], sorted(state["lines"])) == ("failed", ["书没有构建成功。", "第 5 章 <坏了>"])
    assert "第 5 章 \\u003c坏了>" in waiting("/", state)
    builder.restart_if_gone()
    assert not builder.running, "没有人改过什么，再来一次也还是失败"


def test_the_last_good_book_stays(tmp_path):
    builder = finished(prepared(tmp_path, "raise SystemExit('书没有构建成功。')", book="上一本"))
    assert builder.state()["state"] == "ready"
    assert builder.failure == ["书没有构建成功。"]
    assert "书没有构建成功。" in notice(builder.failure)


def test_a_book_that_was_deleted_is_built_again(tmp_path):
    builder = finished(prepared(tmp_path, "import shutil; shutil.rmtree('_build', True)", MAKE))
    assert (builder.state()["state"], builder.failure) == ("ready", [])
    (tmp_path / "_build" / "html" / "index.html").unlink()
    builder.restart_if_gone()
    builder._listener.join()
    assert builder.exists


def test_a_server_that_may_not_build_only_looks(tmp_path):
    builder = prepared(tmp_path, MAKE)
    builder.allowed = False
    builder.restart_if_gone()
    assert builder.state()["state"] == "absent"


@POSIX
def test_the_server_goes_first(tmp_path):
    builder = finished(prepared(tmp_path, "import os; print(os.nice(0))"))
    assert builder.state()["lines"] == [str(min(19, os.nice(0) + 10))]


# ---------------------------------------------------------------- 一起结束

BUILDING = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])
print('排版的进程', worker.pid, flush=True)
worker.wait()
"""
SERVER = """
import pathlib, signal
from sockscope.serve.builder import Builder
builder = Builder(pathlib.Path.cwd())
builder.start()
signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="等一个不是自己孩子的进程结束（pidfd）只在 Linux 上能够")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_build_ends_with_the_server_however_it_ends(tmp_path, ending):
    prepared(tmp_path, BUILDING)
    with subprocess.Popen([sys.executable, "-c", SERVER], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as server:
        worker = os.pidfd_open(int(server.stdout.readline().split()[-1]))
        server.send_signal(ending)
        gone = select.select([worker], [], [], 60)[0]
        server.kill()
    if not gone:
        signal.pidfd_send_signal(worker, signal.SIGKILL)
    os.close(worker)
    assert gone, "服务器结束了，构建的后代还在"


@pytest.mark.skipif(sys.platform != "linux", reason="等一个不是自己孩子的进程结束（pidfd）只在 Linux 上能够")
def test_stopping_waits_until_it_is_gone_and_is_no_failure(tmp_path):
    os.mkfifo(tmp_path / "told")
    builder = prepared(tmp_path, BUILDING.replace("print(", "print(file=open('told', 'w'), *(").replace(", flush=True)", "))"))
    builder.start()
    worker = os.pidfd_open(int((tmp_path / "told").read_text().split()[-1]))
    builder.stop()
    assert select.select([worker], [], [], 60)[0]
    os.close(worker)
    assert (builder.running, builder.failure) == (False, [])
