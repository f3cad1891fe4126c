"""``python -m bench.grading [份数]``（即 ``make bench-grading``）：一分钟批多少份，与普通的 nbgrader 比；再批一千份。

结果写进 book/measurements/grading.json，书里的数字由它而来。同样的答卷，同一次运行。我们的一边：沙箱、
每项检查一个新进程、本机的几个工作进程；另一边是 nbgrader：``nbgrader autograde``，没有沙箱，笔记本原样运行，检查格是学生自检的。
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from sockscope.grading.course import gradebook
from sockscope.grading.course.collect import collect
from sockscope.grading.course.course import Course
from sockscope.grading.course.grade import grade
from sockscope.grading.course.release import release
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import samples
from sockscope.grading.exam.lab import find_lab
from sockscope.terminal import Parser, speak_chinese

LAB = find_lab("lab05")
COMPARED = 60  # 与 nbgrader 比的份数：两边的启动都摊得薄
LOOK = 0.5
PLAIN = "c = get_config()\nc.CourseDirectory.course_id = 'sockscope'\n"  # 我们的设置叫它的 autograde 什么也不做；这里要它做
TARGET = Path(__file__).parents[1] / "book" / "measurements" / "grading.json"


def main(arguments: list[str] | None = None) -> int:
    speak_chinese()
    parser = Parser(prog="python -m bench.grading", description="一分钟批改多少份，与普通的 nbgrader 比；再批一大批。")
    parser.add_argument("many", nargs="?", type=int, default=1000, metavar="份数", help="最后批多少份，缺省 1000；0 就不批")
    many = parser.parse_args(arguments).many
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ours, theirs = compare(root)
        print(f"我们：{ours:.0f} 份/分钟（沙箱，{os.cpu_count()} 个工作进程，连同启动）；"
              f"普通的 nbgrader autograde：{theirs:.1f} 份/分钟；快 {ours / theirs:.1f} 倍（目标 10）", flush=True)
        if many:
            (four, scores), (one, again) = (crowd(root / f"crowd{workers}", many, workers) for workers in (4, 1))
            different = [student for student in scores if scores[student] != again.get(student)]
            print(f"4 个与 1 个工作进程给出的分数{'完全相同' if scores == again else '不同！' + '、'.join(different)}")
            keep({"compared": {"count": COMPARED, "ours_per_minute": round(ours), "nbgrader_per_minute": round(theirs, 1)},
                  "crowd": [four, one], "same_scores": scores == again})
    return 0


def keep(found: dict[str, Any]) -> None:
    """连同机器与日期一起写下来。"""
    told = {"machine": f"{os.cpu_count()} 个核，{platform.system()} {platform.release()}，Python {platform.python_version()}",
            "date": datetime.now(UTC).date().isoformat(), "lab": LAB.name, **found}
    TARGET.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def course(root: Path, count: int) -> Course:
    """发布好、收好了 ``count`` 份对的答卷的一门课。"""
    made = Course(root / "course")
    release(made, LAB)
    right = [s for s in samples(LAB) if not s.fails]
    (root / "in").mkdir()
    for number in range(count):
        home = root / "in" / f"学生{number:04}"
        home.mkdir(parents=True)
        (home / "lab05.ipynb").write_text(json.dumps(filled(LAB, right[number % len(right)].answers)), encoding="utf-8")
    for paper in collect(root / "in", LAB, list(made.written(LAB))).papers.values():
        made.save_paper(paper)
    return made


def compare(root: Path) -> tuple[float, float]:
    """同样的 ``COMPARED`` 份：各自一分钟批多少份。"""
    made = course(root / "compare", COMPARED)
    started = time.monotonic()
    done, failed = grade(made, LAB)
    ours = 60 * done / (time.monotonic() - started)
    assert not failed, failed
    other = course(root / "theirs", 0)
    (other.root / "nbgrader_config.py").write_text(PLAIN)
    for home in sorted((root / "compare" / "in").iterdir()):
        target = other.root / "submitted" / home.name / "lab05"
        target.mkdir(parents=True)
        (target / "lab05.ipynb").write_bytes((home / "lab05.ipynb").read_bytes())
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "nbgrader", "autograde", "lab05"], cwd=other.root, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    theirs = 60 * COMPARED / (time.monotonic() - started)
    graded = [own[name] is not None for own in gradebook.recorded(other, LAB).values() for name in LAB.checks]
    assert graded == [True] * COMPARED * len(LAB.checks), "nbgrader 没有批"
    return ours, theirs


def crowd(root: Path, count: int, workers: int) -> tuple[dict[str, Any], dict[str, float]]:
    """批 ``count`` 份，说出用时和内存；返回它们，和每个人的分。"""
    made = course(root, count)
    with watched() as most:
        started = time.monotonic()
        done, failed = grade(made, LAB, workers=workers, progress=lambda *_: None)
        took = time.monotonic() - started
    print(f"{done} 份，{workers} 个工作进程：{took:.0f} 秒（{60 * done / took:.0f} 份/分钟），"
          f"全部进程的内存最多 {most[0] / 2**20:.0f} MB，{len(failed)} 份没有批成", flush=True)
    for student in made.papers(LAB):  # 都是对的答卷：谁没有满分，就是批错了
        for verdict in made.verdicts(made.result(LAB.name, student)):
            if verdict.status != "passed":
                print(student, repr(verdict), flush=True)
    told = {"workers": workers, "count": done, "seconds": round(took), "megabytes": most[0] >> 20}
    return told, {s: sum(filter(None, own.values())) for s, own in gradebook.recorded(made, LAB).items()}


@contextmanager
def watched() -> Iterator[list[int]]:
    """不时看一眼本进程和全部后代一共占了多少内存。"""
    most, over = [0], threading.Event()

    def look() -> None:
        me = psutil.Process()
        while not over.wait(LOOK):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            most[0] = max(most[0], total)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield most
    over.set()
    thread.join()


if __name__ == "__main__":
    sys.exit(main())
