"""在后台构建书，记得它说了什么。

工作原理
--------
``book/build.py`` 在旁边排好新的一本才换下旧的，所以 ``_build/html`` 总是完整的一本，或者没有。有，就送出去，
不管此刻是不是正在重排；没有，读者看到等候页。构建的进程由 leash 拴在这个进程上。
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

__all__ = ["Builder"]

LEASH = Path(__file__).with_name("leash.py")
PROGRESS = re.compile(r"\s*(.+?)\s*(\d+)%$")
KEPT = 20    # 没有构建成功时，留给读者看的行数


class Builder:
    """``root`` 里的书的构建。``allowed`` 为否时从不动手，只看有没有书；``html`` 是别处构建好的一本。"""

    def __init__(self, root: Path, allowed: bool = True, html: str = "") -> None:
        self.root, self.allowed = root, allowed
        self.html = Path(html) if html else root / "_build" / "html"
        self._child: subprocess.Popen[str] | None = None
        self._listener: threading.Thread | None = None
        self._told: deque[str] = deque(maxlen=KEPT)
        self._stage, self._percent = "", 0
        self._failed = False

    @property
    def exists(self) -> bool:
        """有没有书可看。"""
        return (self.html / "index.html").exists()

    @property
    def running(self) -> bool:
        """此刻是否正在构建。"""
        return self._listener is not None and self._listener.is_alive()

    @property
    def failure(self) -> list[str]:
        """上一次没有构建成功时，它最后说的几行；成功了就是空的。"""
        return list(self._told) if self._failed and not self.running else []

    def state(self) -> dict[str, Any]:
        """给等候页看的：``state`` 是 ready、building、failed 或 absent，以及此刻的步骤、百分数、说过的话。"""
        without = "building" if self.running else "failed" if self._failed else "absent"
        state = "ready" if self.exists else without
        return {"state": state, "stage": self._stage, "percent": self._percent, "lines": list(self._told)}

    def start(self) -> None:
        """开始构建；没有变化时，build.py 自己立刻返回。正在构建就不再开始。"""
        if not self.allowed or self.running:
            return
        self._told.clear()
        self._stage, self._percent, self._failed = "", 0, False
        self._child = subprocess.Popen(
            [sys.executable, str(LEASH), str(self.root / "book" / "build.py")], cwd=self.root, encoding="utf-8",
            errors="replace", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUTF8": "1"})
        self._listener = threading.Thread(target=self._listen, args=(self._child,), name="sockscope-builder", daemon=True)
        self._listener.start()

    def restart_if_gone(self) -> None:
        """书被删掉了（make clean），就再构建；上一次没有成功的，等人来改。"""
        if not self.exists and not self._failed:
            self.start()

    def stop(self) -> None:
        """结束构建，等它真的结束。"""
        if self._child and self._child.stdin and self._listener:
            self._child.stdin.close()    # 松手：leash 看见了，就连同后代一起结束
            self._child.wait()
            self._listener.join()

    def _listen(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout
        assert child.stdin
        with child.stdout:
            for line in child.stdout:
                self._hear(line.rstrip())
        if child.wait():
            self._failed = not child.stdin.closed    # 自己松的手不算失败
        child.stdin.close()

    def _hear(self, line: str) -> None:
        if progress := PROGRESS.fullmatch(line):
            self._stage, self._percent = progress[1], int(progress[2])
        elif line.strip():
            self._told.append(line.strip())
            print(line, flush=True)
