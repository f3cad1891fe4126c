"""正在运行的那一条命令：一个拴着的子进程，桌面怎样结束它都跟着结束；一次只运行一条。"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sockscope.places import PACKAGE

__all__ = ["Busy", "Job"]

LEASH = PACKAGE / "serve" / "leash.py"
MOST = 200_000  # 页上最多留这么多字


class Busy(ValueError):
    """上一条还没有结束。"""


class Job:
    """一条命令，和它到此刻印出的字。"""

    def __init__(self, course: Path, words: Sequence[str], trash: Sequence[Path] = ()) -> None:
        self.words, self.trash = list(words), list(trash)
        self.text, self.code = "", -1
        self._done, self._stopping = threading.Event(), False
        command = [sys.executable, str(LEASH), "-m", "sockscope.grading", f"--course={course}", *words]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def line(self) -> str:
        """在终端里要写的那一行。"""
        return "python -m sockscope.grading " + shlex.join(self.words)

    @property
    def running(self) -> bool:
        return not self._done.is_set()

    @property
    def stopped(self) -> bool:
        """是教师叫停的。"""
        return self._stopping and not self.running

    def wait(self, seconds: float | None = None) -> bool:
        """等它结束，至多 ``seconds`` 秒；返回结束了没有。"""
        return self._done.wait(seconds)

    def stop(self) -> None:
        """松开绳子：它和它的子孙立刻结束。批完的都存好了。"""
        if self.running:
            self._stopping = True
            assert self._process.stdin is not None
            self._process.stdin.close()
            self.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.text = (self.text + line.decode("utf-8", "replace"))[-MOST:]
        self.code = self._process.wait()
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.stdout.close()
        for path in self.trash:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        self._done.set()
