"""``python -m bench.hostility``：每一种手脚与意外，我们与普通的 nbgrader 各怎样；写成 book/hostility.json，书里的表由它而来。

nbgrader 的一边按常见的写法出题：检查格在学生的内核里直接叫他的函数。为了不伤这台机器，整个 nbgrader 关在一个
一次性的 bubblewrap 里：有自己的进程和网络命名空间，课程文件夹是一块内存盘，里面还有一个老实的同学。
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sockscope.grading import gradebook, source
from sockscope.grading.course import Course
from sockscope.grading.hostile import ACCIDENTS, CHEATS, FORMS, Form
from sockscope.grading.intake import Unreadable, read
from sockscope.grading.lab import find_lab
from sockscope.grading.marking import mark
from sockscope.grading.release import release
from sockscope.grading.sample import accident, blank, cheat, filled, form
from sockscope.grading.sandbox import bwrap

LAB = find_lab("lab05")
ROOT = Path(__file__).parents[1]
TARGET = ROOT / "book" / "hostility.json"
KINDS = {"cheat": CHEATS, "accident": ACCIDENTS, "form": FORMS}
AT_ONCE = 2
PATIENCE = 900
HONEST = "老实的同学"
CONTAGIOUS = {"kill-everyone", "other-submissions", "edit-gradebook"}  # 会连累别人的，单独批
RUINOUS = {"fork-bomb", "threads", "memory", "fill-disk", "descriptors"}  # 没有上限可挡的一边就不试了
CLASSIC = """
import socket, threading
def serve(listener):
    conn, _ = listener.accept()
    data = b"".join(iter(lambda: conn.recv(100), b""))
    conn.sendall(data.upper())
    conn.close()
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
assert ask(listener.getsockname(), b"{word}") == b"{answer}"
"""
RELAY = """
import socket, threading
left, a = socket.socketpair()
b, right = socket.socketpair()
threading.Thread(target=relay, args=(a, b), daemon=True).start()
left.sendall(b"{word}")
assert right.recv(100) == b"{word}"
"""


def classic(book: dict[str, Any]) -> dict[str, Any]:
    """同一个练习，检查格换成常见的写法。"""
    for cell in book["cells"]:
        name = source.grade_id(cell)
        if name in LAB.checks:
            pattern = RELAY if name.startswith("relay") else CLASSIC
            cell["source"] = pattern.format(word=name, answer=name.upper())
        elif cell["id"] == "tools":
            cell["source"] = ""
    return book


def submission(kind: str, trick: Any) -> bytes:
    """这一种交上来的文件。"""
    if kind == "form":
        return form(LAB, trick)
    return json.dumps(filled(LAB, (cheat if kind == "cheat" else accident)(LAB, trick))).encode()


# ---------------------------------------------------------------- 我们

def ours(data: bytes) -> dict[str, Any]:
    """我们给几分：收卷，批改。"""
    try:
        paper = read(data, LAB, ["why"])
    except Unreadable as why:
        return {"score": 0, "note": str(why)}
    result = mark(LAB.name, "x", "", paper.cells, dict.fromkeys(LAB.checks, 5))
    return {"score": sum(v["points"] for v in result["verdicts"] if v["status"] == "passed"), "note": ""}


# ---------------------------------------------------------------- 普通的 nbgrader

def theirs(template: Path, submissions: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """普通的 nbgrader 给每个人几分，那个老实的同学还剩几分。"""
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder, "course")
        shutil.copytree(template, course)
        honest = json.dumps(classic(filled(LAB, source.model(LAB)))).encode()
        for student, content in {**submissions, HONEST: honest}.items():
            home = course / "submitted" / student / "lab05"
            home.mkdir(parents=True)
            (home / "lab05.ipynb").write_bytes(content)
        base = os.path.realpath(sys.base_prefix)
        box = [bwrap(), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent", "--ro-bind", "/usr", "/usr",
               "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
               "--ro-bind", base, base, "--ro-bind", sys.prefix, sys.prefix, "--proc", "/proc", "--dev", "/dev",
               "--size", str(64 << 20), "--tmpfs", "/tmp", "--bind", str(course), "/course", "--chdir", "/course",
               "--setenv", "HOME", "/tmp", "--setenv", "PATH", f"{sys.prefix}/bin:/usr/bin",
               sys.executable, "-W", "ignore", "-m", "nbgrader", "autograde", "lab05",
               "--CourseDirectory.root=/course", "--ExecutePreprocessor.timeout=10",
               "--ExecutePreprocessor.interrupt_on_timeout=True"]
        limits = "ulimit -v 4000000; ulimit -f 100000; exec "
        try:
            subprocess.run(["/bin/sh", "-c", limits + '"$@"', "sh", *box], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            print(f"过了 {PATIENCE} 秒还没有批完", flush=True)
        known = scores(course)
        return {name: {"score": known.get(name), "other": known.get(HONEST)} for name in submissions}


def scores(course: Path) -> dict[str, float]:
    """成绩库里各人的自动分；读不出来就没有。"""
    try:
        known = gradebook.recorded(Course(course), LAB)
    except sqlite3.Error:
        return {}
    return {s: sum(v or 0 for v in own.values()) for s, own in known.items() if any(v is not None for v in own.values())}


def template(folder: Path) -> Path:
    """发布好的一门课，检查格是常见的写法。"""
    made = Course(folder / "course")
    release(made, LAB)
    path = made.root / "source" / "lab05" / "lab05.ipynb"
    path.write_text(json.dumps(classic(json.loads(path.read_text()))), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "nbgrader", "generate_assignment", "lab05", "--force"], cwd=made.root,
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return made.root


def plainly(kind: str, trick: Any) -> bytes:
    """同样的手脚，做在常见写法的笔记本上。"""
    if isinstance(trick, Form):
        return trick.make(classic(filled(LAB, blank(LAB))))
    return json.dumps(classic(json.loads(submission(kind, trick)))).encode()


def main() -> int:
    tasks = [(kind, trick) for kind, tricks in KINDS.items() for trick in tricks]
    with tempfile.TemporaryDirectory() as folder:
        ready = template(Path(folder))
        safe = {t.name: plainly(kind, t) for kind, t in tasks if t.name not in RUINOUS | CONTAGIOUS}
        told = theirs(ready, safe)
        for kind, trick in tasks:
            if trick.name in CONTAGIOUS:
                told |= theirs(ready, {trick.name: plainly(kind, trick)})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        own = list(pool.map(lambda task: ours(submission(*task)), tasks))
    rows = [{"kind": kind, "name": trick.name, "story": trick.story, "ours": score, "nbgrader": told.get(trick.name)}
            for (kind, trick), score in zip(tasks, own, strict=True)]
    text = json.dumps({"points": LAB.points, "rows": rows}, ensure_ascii=False, indent=1)
    TARGET.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
