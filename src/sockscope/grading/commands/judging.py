"""批改：grade、keys、execute、machine。"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sockscope.grading.commands import Commands, command, opened, students
from sockscope.grading.jail.sandbox import refusal
from sockscope.terminal import lacking

__all__ = ["add"]


def add(commands: Commands) -> None:
    parser = command(commands, "grade", _grade, "批改：没有批过的、变了的；断了再来就接着批")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("students", nargs="*", metavar="学生", help="缺省是全部")
    parser.add_argument("--again", action="store_true", help="批过的也重来")
    parser.add_argument("--only", default="", metavar="检查", help="只批这一项，如 half_close")
    parser.add_argument("--workers", type=int, default=0, metavar="个数", help="本机开几个工作进程，缺省每核一个")
    parser.add_argument("--scheduler", default="", metavar="地址", help="用现成的 dask 集群，如 tls://10.0.0.5:8786")
    parser.add_argument("--keys", type=Path, metavar="文件夹", help="集群的钥匙在哪里")
    parser = command(commands, "keys", _keys, "给 dask 集群做一把钥匙：有它的才连得上")
    parser.add_argument("folder", type=Path, metavar="文件夹")
    parser = command(commands, "execute", _execute,
                       "执行答卷，写成给教师看的笔记本：在沙箱里，只留文字和图，从不算分；断了再来就接着写")
    parser.add_argument("lab", metavar="练习")
    parser.add_argument("students", nargs="*", metavar="学生", help="缺省是全部")
    parser.add_argument("--again", action="store_true", help="写过的也重来")
    command(commands, "machine", _machine, "这台机器能不能批改；不能的话缺什么")


def _grade(asked: argparse.Namespace) -> int:
    from sockscope.grading.course.changes import counts, since
    from sockscope.grading.course.grade import grade

    course, lab = opened(asked)
    before = counts(course, lab)
    done, failed = grade(course, lab, students(course, lab, asked.students), only=asked.only, again=asked.again,
                         workers=asked.workers, scheduler=asked.scheduler, keys=asked.keys, progress=progress)
    for student, why in failed:
        print(f"  {student}：{why}", file=sys.stderr)
    print(f"批了 {done} 份 {lab.name}" + (f"，{len(failed)} 份没有批成。" if failed else "。"))
    if said := since(course, lab, before):
        print(said)
    return int(bool(failed))


def _keys(asked: argparse.Namespace) -> int | None:
    if said := lacking("cluster", "distributed"):
        print(f"交给集群要用的{said}", file=sys.stderr)
        return 1
    from sockscope.grading.course.cluster import make_keys

    made = make_keys(asked.folder.resolve())
    print(f"钥匙在 {made}：谁有它，谁就能在集群里运行代码。用 scp -p 拷到每台机器上，再在那里运行：\n"
          f"  DASK_CONFIG={made.parent} dask scheduler --no-dashboard\n"
          f"  DASK_CONFIG={made.parent} dask worker tls://调度器的地址:8786 --nthreads 4 --no-dashboard\n"
          f"  python -m sockscope.grading grade 练习 --scheduler tls://调度器的地址:8786 --keys {made.parent}")
    return None


def _execute(asked: argparse.Namespace) -> int:
    from sockscope.grading.executed.page import execute

    course, lab = opened(asked)
    made, failed = execute(course, lab, students(course, lab, asked.students), again=asked.again, progress=progress)
    for student, why in failed:
        print(f"  {student}：{why}", file=sys.stderr)
    for path in made[:3]:
        print(f"  {path}")
    print(f"执行了 {len(made)} 份 {lab.name}" + (f"，{len(failed)} 份没有执行成。" if failed else "。"))
    return int(bool(failed))


def progress(count: int, total: int, student: str) -> None:
    """一根进度条；不是终端就隔一阵说一句。"""
    if sys.stdout.isatty():
        full = round(30 * count / total)
        bar = f"{'█' * full}{'·' * (30 - full)} {count}/{total} {student[:20]:<20}"
        print(f"\r{bar}", end="\n" if count == total else "", flush=True)
    elif count == total or count % 50 == 0:
        print(f"{count}/{total}", flush=True)


def _machine(_asked: argparse.Namespace) -> int:
    why = refusal()
    print(why or "可以批改：网线和沙箱都造得出来。")
    return int(bool(why))
