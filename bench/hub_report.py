"""一次测量的数：中位数与 p95，各人占的内存，写成文件。"""

from __future__ import annotations

import json
import math
import os
import platform
import pwd
import statistics
import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sockscope import places

TARGET = places.ROOT / "book" / "measurements" / "hub.json"
LOOK = 0.5  # 多久看一眼内存，秒


def spread(seconds: Iterable[float]) -> dict[str, float]:
    """中位数、p95（最近的名次）、最慢的，秒；和一共几次。"""
    found = sorted(seconds)
    return {"count": len(found), "median": round(statistics.median(found), 3),
            "p95": round(found[math.ceil(0.95 * len(found)) - 1], 3), "most": round(found[-1], 3)}


class Memory:
    """不时看一眼每个账户的全部进程一共占多少（PSS：几个进程合用的一页平摊），按段落记下最多的一次，字节。"""

    def __init__(self, names: list[str], teacher: str) -> None:
        self.names, self.teacher = names, teacher
        self.users = {pwd.getpwnam(name).pw_uid: name for name in (*names, teacher)}
        self.most: dict[str, dict[str, int]] = {}
        self.now: dict[str, int] = defaultdict(int)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Memory:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def mark(self, part: str) -> None:
        """一段结束了：这一段里各人最多的一次。"""
        self._look()
        self.most[part], self.now = dict(self.now), defaultdict(int)

    def told(self) -> dict[str, dict[str, int]]:
        """每一段：学生各人最多的一次的中位数与最大值，JupyterHub 连同代理的，教师的，MB。"""
        return {part: {"median": round(statistics.median(own.get(n, 0) for n in self.names) / 2**20),
                       "most": max(own.get(n, 0) for n in self.names) >> 20, "hub": own.get("hub", 0) >> 20,
                       "teacher": own.get(self.teacher, 0) >> 20}
                for part, own in self.most.items()}

    def _watch(self) -> None:
        while not self.over.wait(LOOK):
            self._look()

    def _look(self) -> None:
        total: dict[str, int] = defaultdict(int)
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                owner = self.users.get(folder.stat().st_uid) or ("hub" if hubs(folder) else "")
                total[owner] += pss(folder) if owner else 0
            except OSError:
                continue
        for owner, size in total.items():
            self.now[owner] = max(self.now[owner], size)


def hubs(folder: Path) -> bool:
    """这个进程是不是 JupyterHub、它的代理或它的服务。"""
    line = (folder / "cmdline").read_bytes()
    return any(word in line for word in (b"-m\0jupyterhub\0", b"configurable-http-proxy", b"jupyterhub_idle_culler"))


def pss(folder: Path) -> int:
    """一个进程的 PSS，字节。"""
    lines = (folder / "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def keep(found: dict[str, Any]) -> None:
    """连同机器与日期一起写下来。"""
    pages = places.ROOT / "_build" / "html"
    book = sum(path.stat().st_size for path in pages.rglob("*") if path.is_file())
    told = {"machine": f"{os.cpu_count()} 个核，{platform.system()} {platform.release()}，Python {platform.python_version()}",
            "cores": os.cpu_count(), "date": datetime.now(UTC).date().isoformat(), "book_megabytes": round(book / 2**20), **found}
    text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    TARGET.write_text(text, encoding="utf-8")
    print(text)
