"""``python -m bench.hostility``：每一种手脚与意外，我们与普通的 nbgrader 各怎样；写成 book/hostility.json，书里的表由它而来。

nbgrader 的一边按常见的写法出题：检查格在学生的内核里直接叫他的函数。为了不伤这台机器，整个 nbgrader 关在一个
一次性的 bubblewrap 里：有自己的进程和网络命名空间，里面还有一个老实的同学。盒子里另听着一个端口，代表外面；
放着一个不该读的文件。散场时数一数还有谁没走。没有上限就会毁了机器的几种不试。

几份答卷一起批；老实的同学受了害、有谁没走，就分成两半再来，直到认出是哪一份。会连累别人的几种从一开始就单独批。
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.grading.hostility import CHEATS, cheat
from tests.grading.hostility.baits import Outside, Watched
from tests.grading.hostility.cheats import DOOR, SECRET, Cheat

from sockscope.grading.course import gradebook, source
from sockscope.grading.course.course import Course
from sockscope.grading.course.intake import Unreadable, read
from sockscope.grading.course.marking import sandbox
from sockscope.grading.course.mishaps import ACCIDENTS, FORMS, Accident, Form
from sockscope.grading.course.release import release
from sockscope.grading.course.sample import accident, blank, filled, form
from sockscope.grading.exam.lab import Check, find_check, find_lab
from sockscope.grading.exam.stage import clear, examine
from sockscope.grading.exam.student import Answers
from sockscope.grading.jail.sandbox import bwrap
from sockscope.terminal import Parser, speak_chinese

LAB = find_lab("lab05")
ROOT = Path(__file__).parents[1]
TARGET = ROOT / "book" / "hostility.json"
KINDS = {"cheat": CHEATS, "accident": ACCIDENTS, "form": FORMS}
AT_ONCE, OURS_AT_ONCE = 3, 10  # 我们的一边多半的时间在等
BATCH = 4
START, PATIENCE = 60, 30  # 一批最多等这么久，秒：起步，再加每份的
LONG = 180  # 没有批完的，最后单独再来一次，等这么久
HONEST = "老实的同学"
LOST, CHANGED, LEFT = "同学的分没了", "同学的分变了", "留下了进程"
READ, REACHED, ENDLESS, BROKEN = "读到了不该读的", "碰到了外面", "批改没有结束", "批改中途断了"
CONTAGIOUS = {"kill-everyone", "stop-everyone", "other-submissions", "edit-gradebook", "plant-startup", "leave-note",
              "outlive", "others-memory", "deep-folders", "packet-flood"}
RUINOUS = {"fork-bomb", "threads", "memory", "fill-disk", "descriptors", "burn", "socket-memory"}
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
right.settimeout(5)
assert right.recv(100) == b"{word}"
"""
# 盒子里的 1 号之下：听着代表外面的端口，叫 nbgrader，最后数一数
KEEPER = """
import json, os, socket, subprocess, sys, threading
door, came = socket.create_server(("", int(sys.argv[1]))), []
threading.Thread(target=lambda: [came.append(door.accept()) for _ in iter(int, 1)], daemon=True).start()
quiet = {"stdin": -3, "stdout": -3, "stderr": -3}
done = subprocess.run(sys.argv[2:], **quiet)
left = 0
for pid in os.listdir("/proc"):
    if pid.isdigit() and int(pid) not in (1, os.getpid()):
        try:
            left += open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            pass
print(json.dumps({"left": left, "came": len(came)}), flush=True)
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


# ---------------------------------------------------------------- 我们

def ours(trick: Any, outside: Outside) -> dict[str, Any]:
    """我们给几分；旁边同时考着一个老实人。"""
    started, watched, harm = time.monotonic(), Watched(sandbox()), []
    with ThreadPoolExecutor(1) as beside:
        honest = beside.submit(examine, LAB.checks["half_close"], source.model(LAB), sandbox(), 5)
        told = [examine(check, outside.aimed(answers), watched, 5) for check, answers in tasks(trick)]
        harm += [CHANGED] * (honest.result().status != "passed") + [LEFT] * bool(watched.left())
    said = "".join(json.dumps(v.json()) for v in told)
    harm += [READ] * (outside.token in said or "found " in said) + [REACHED] * (bool(outside.touched()) or "reached " in said)
    return {"score": sum(v.earned for v in told), "harm": "；".join(harm), "seconds": round(time.monotonic() - started, 1)}


def tasks(trick: Any) -> Iterator[tuple[Check, Answers]]:
    """要做的检查：整份练习；另有目标的作弊只做它的目标。"""
    if isinstance(trick, Form):
        try:
            answers = Answers(read(form(LAB, trick), LAB, ["why"]).cells)
        except Unreadable:
            return
    elif isinstance(trick, Cheat) and trick.aim:
        aim = find_check(trick.aim)
        yield aim, cheat(aim.lab, trick)
        return
    else:
        answers = cheat(LAB, trick) if isinstance(trick, Cheat) else accident(LAB, trick)
    yield from ((check, answers) for check in LAB.checks.values() if set(check.cells) <= set(answers.cells))


# ---------------------------------------------------------------- 普通的 nbgrader

def plainly(trick: Any) -> bytes:
    """同样的手脚，做在常见写法的笔记本上。"""
    if isinstance(trick, Form):
        return trick.make(classic(filled(LAB, blank(LAB))))
    answers = cheat(LAB, trick) if isinstance(trick, Cheat) else accident(LAB, trick)
    return json.dumps(classic(filled(LAB, answers))).encode()


def theirs(template: Path, tricks: list[Any], outside: Outside, patience: float = 0) -> dict[str, dict[str, Any]]:
    """一批答卷，普通的 nbgrader 各给几分；害了谁。"""
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder, "course")
        submit(shutil.copytree(template, course), tricks)
        started = time.monotonic()
        report = boxed(course, str(outside.file), patience or START + PATIENCE * (1 + len(tricks)))
        seconds = round((time.monotonic() - started) / (1 + len(tricks)), 1)
        known = scores(course)
        harm = together(report, known.get(HONEST))
        told = {t.name: {"score": known.get(t.name), "harm": "；".join(harm + outputs(course, t.name, outside.token)),
                         "seconds": seconds} for t in tricks}
        clear(f"{folder}/")
    if harm and len(tricks) > 1:
        half = len(tricks) // 2
        return theirs(template, tricks[:half], outside) | theirs(template, tricks[half:], outside)
    print("、".join(t.name for t in tricks), [t["score"] for t in told.values()], harm or "没有害到别人", flush=True)
    return told


def submit(course: Path, tricks: list[Any]) -> None:
    """交上几份不良的，和老实的同学的一份。"""
    honest = json.dumps(classic(filled(LAB, source.model(LAB)))).encode()
    for student, content in {**{t.name: plainly(t) for t in tricks}, HONEST: honest}.items():
        home = course / "submitted" / student / "lab05"
        home.mkdir(parents=True)
        (home / "lab05.ipynb").write_bytes(content)


def together(report: dict[str, int], honest: float | None) -> list[str]:
    """从一批的结果看：老实的同学少没少分，有没有谁没走，有没有谁连出去。"""
    harm = [word for word in (ENDLESS, BROKEN) if word in report]
    harm += [LOST if honest is None else CHANGED] * (honest != LAB.points)
    return harm + [LEFT] * (report.get("left", 0) > 0) + [REACHED] * (report.get("came", 0) > 0)


def outputs(course: Path, student: str, token: str) -> list[str]:
    """批过的笔记本里，有没有不该读到的。"""
    path = course / "autograded" / student / "lab05" / "lab05.ipynb"
    if not path.exists():
        return []
    cells = json.loads(path.read_text(encoding="utf-8", errors="replace"))["cells"]
    said = json.dumps([cell.get("outputs", []) for cell in cells])
    return [READ] * (token in said or '"found ' in said)


def boxed(course: Path, bait: str, patience: float) -> dict[str, int]:
    """在盒子里以普通用户跑一次 ``nbgrader autograde``，数一数还有谁没走、有谁连出去。"""
    base = os.path.realpath(sys.base_prefix)
    box = [bwrap(), "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--unshare-pid",
           "--unshare-net", "--unshare-ipc", "--die-with-parent", "--ro-bind", "/usr", "/usr",
           "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
           "--ro-bind", base, base, "--ro-bind", sys.prefix, sys.prefix, "--proc", "/proc", "--dev", "/dev",
           "--size", str(64 << 20), "--tmpfs", "/tmp", "--ro-bind", bait, SECRET, "--bind", str(course), "/course",
           "--chdir", "/course", "--setenv", "HOME", "/tmp", "--setenv", "PATH", f"{sys.prefix}/bin:/usr/bin",
           sys.executable, "-c", KEEPER, str(DOOR),
           sys.executable, "-W", "ignore", "-m", "nbgrader", "autograde", "lab05", "--CourseDirectory.root=/course",
           "--ExecutePreprocessor.timeout=6", "--ExecutePreprocessor.interrupt_on_timeout=True"]
    limits = "ulimit -v 4000000; ulimit -f 100000; exec "
    try:
        done = subprocess.run(["/bin/sh", "-c", limits + '"$@"', "sh", *box], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=patience)
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {ENDLESS: 1}
    except ValueError:
        return {BROKEN: 1}


def scores(course: Path) -> dict[str, float]:
    """成绩库里各人的自动分；读不出来就没有。"""
    try:
        known = gradebook.recorded(Course(course), LAB)
    except sqlite3.Error:
        return {}
    return {s: sum(v or 0 for v in own.values()) for s, own in known.items() if any(v is not None for v in own.values())}


def template(folder: Path) -> Path:
    """发布好的一门课，检查格是常见的写法，nbgrader 的配置是缺省的（我们的配置不许它运行任何东西）。"""
    made = Course(folder / "course")
    release(made, LAB)
    (made.root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'sockscope'\n")
    path = made.root / "source" / "lab05" / "lab05.ipynb"
    path.write_text(json.dumps(classic(json.loads(path.read_text()))), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "nbgrader", "generate_assignment", "lab05", "--force"], cwd=made.root,
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return made.root


# ---------------------------------------------------------------- 表

def untried(trick: Any) -> str:
    """nbgrader 的一边为什么不试；要试则为空。"""
    if trick.name in RUINOUS:
        return "没有上限，会毁了机器，不试"
    if isinstance(trick, Cheat) and trick.language == "c":
        return "它的笔记本里没有 C"
    elsewhere = isinstance(trick, Cheat) and trick.aim and trick.name != "caller-frame"
    return "要骗的是考官手里的另一头，nbgrader 没有这一头" if elsewhere else ""


def fair(trick: Any) -> float:
    """应得几分：作弊的、文件上做手脚的不该有分；出了意外的只少那一格的。"""
    if not isinstance(trick, Accident):
        return 0
    first = next(iter(LAB.cells))
    return sum(c.points for c in LAB.checks.values() if trick.harmless or first not in c.cells)


def batches(tricks: list[Any]) -> list[list[Any]]:
    alone = [[t] for t in tricks if t.name in CONTAGIOUS]
    rest = [t for t in tricks if t.name not in CONTAGIOUS]
    return [rest[i:i + BATCH] for i in range(0, len(rest), BATCH)] + alone


def main(arguments: list[str] | None = None) -> int:
    speak_chinese()
    parser = Parser(prog="python -m bench.hostility", description="每一种手脚与意外，我们与普通的 nbgrader 各怎样；"
                    "要二十多分钟，写成 book/hostility.json。")
    parser.add_argument("--only", metavar="开头", default="", help="名字以此开头的几种，别的照旧，如 c-")
    only = parser.parse_args(arguments).only
    known = json.loads(TARGET.read_text(encoding="utf-8")) if only else {"rows": []}
    kept = {(row["kind"], row["name"]): row for row in known["rows"]}
    every = [(kind, trick) for kind, tricks in KINDS.items() for trick in tricks]
    everyone = [(kind, trick) for kind, trick in every if trick.name.startswith(only)]
    outside, told = Outside(), {}
    try:
        with ThreadPoolExecutor(OURS_AT_ONCE) as pool:
            own = list(pool.map(lambda each: ours(each[1], outside), everyone))
        print("我们的一边批完了", flush=True)
        with ThreadPoolExecutor(AT_ONCE) as pool, tempfile.TemporaryDirectory() as folder:
            ready = template(Path(folder))
            groups = batches([trick for _, trick in everyone if not untried(trick)])
            for some in pool.map(lambda group: theirs(ready, group, outside), groups):
                told |= some
            for slow in [t for _, t in everyone if ENDLESS in told.get(t.name, {}).get("harm", "")]:
                told |= theirs(ready, [slow], outside, LONG)
    finally:
        outside.close()
    fresh = [{"kind": kind, "name": trick.name, "story": trick.story, "fair": fair(trick), "ours": score,
             "nbgrader": told.get(trick.name), **({"why": untried(trick)} if untried(trick) else {})}
            for (kind, trick), score in zip(everyone, own, strict=True)]
    kept |= {(row["kind"], row["name"]): row for row in fresh}
    rows = [kept[kind, trick.name] for kind, trick in every]
    head = {"points": LAB.points, "nbgrader": version("nbgrader"), "python": platform.python_version(),
            "kernel": platform.release(), "date": datetime.now(UTC).date().isoformat()}
    head |= {name: known[name] for name in head if name in known}  # 别的是那时量的
    TARGET.write_text(json.dumps({**head, "rows": rows}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
