"""批一批：把还没有批的答卷分给许多进程，批完一份存一份；断在哪里，下次从哪里接着来。"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sockscope.grading.course import gradebook, history
from sockscope.grading.course.course import Course
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.marking import AT_ONCE, mark
from sockscope.grading.course.standing import lines
from sockscope.grading.exam.lab import Lab
from sockscope.grading.jail.sandbox import Refused, refusal
from sockscope.pool import Work

__all__ = ["abide", "grade", "pending"]

FEW = 6  # 这么少就不必另开进程
SETTLE = 100  # 每批完这么多份，往成绩库里写一次
Task = tuple[Paper, tuple[Any, ...]]


def pending(course: Course, lab: Lab, students: list[str], only: str, again: bool) -> list[Task]:
    """要批的答卷：没有批过、内容变了，或上次是批改程序自己出的错；``again`` 则全部重来。"""
    papers = course.papers(lab, students)
    seeds = {name: course.seed(check) for name, check in lab.checks.items()}
    if only and only not in seeds:
        raise ValueError(f"{lab.name} 没有叫 {only!r} 的检查；有：{'、'.join(seeds)}。")
    return [(paper, (lab.name, student, paper.digest, paper.cells, seeds, only)) for student, paper in papers.items()
            if again or stale(course, lab, paper)]


def stale(course: Course, lab: Lab, paper: Paper) -> bool:
    """这份要不要（重）批。"""
    result = course.result(lab.name, paper.student)
    return result is None or result["digest"] != paper.digest \
        or {v["check"] for v in result["verdicts"]} != {c.id for c in lab.checks.values()} \
        or any(v["status"] == "broken" for v in result["verdicts"])


def grade(course: Course, lab: Lab, students: list[str] | None = None, *, only: str = "", again: bool = False,
          workers: int = 0, scheduler: str = "",
          keys: Path | None = None,
          progress: Callable[[int, int, str], None] = lambda *_: None) -> tuple[int, list[tuple[str, str]]]:
    """批一个练习，返回批了几份，和没有批成的 ``(学生, 原因)``。造不出沙箱抛 ``Refused``，一份也不批。

    ``scheduler`` 是现成的 dask 集群，``keys`` 是它的钥匙所在的文件夹。
    """
    if not scheduler and (why := refusal()):
        raise Refused(why)
    tasks = pending(course, lab, students or [], only, again)
    failed: list[tuple[str, str]] = []
    at_home = len(tasks) <= FEW and not (workers or scheduler)
    fresh: list[str] = []
    overruled = gradebook.overruled(course, lab)
    for count, (paper, result, error) in enumerate(here(tasks) if at_home else spread(tasks, workers, scheduler, keys), 1):
        if error:
            failed.append((paper.student, f"没有批成：{type(error).__name__}: {error}"))
        else:
            history.replace(course, paper, merged(course, result, only), overruled.get(paper.student))
            fresh.append(paper.student)
            failed += [(paper.student, f"没有批成：{why}") for why in [aside(result)] if why]
        progress(count, len(tasks), paper.student)
        if len(fresh) == SETTLE:
            settle(course, lab, fresh)
            fresh.clear()
    abide(course, lab)
    return len(tasks) - len(failed), failed


def aside(result: dict[str, Any]) -> str:
    """有一项没有批成的原因；那一项不记分，下次再批。都批成了则为空。"""
    return next((v["note"] for v in result["verdicts"] if v["status"] == "broken"), "")


def settle(course: Course, lab: Lab, students: Sequence[str] = ()) -> None:
    """让成绩库与存下来的判定一致：全班，或这几个学生。"""
    papers = course.papers(lab, students)
    done = [(paper, result) for student, paper in papers.items()
            if (result := course.result(lab.name, student)) and result["digest"] == paper.digest]
    overruled = gradebook.overruled(course, lab)
    for paper, result in done:
        history.remember(course, result, paper, overruled.get(paper.student))
    gradebook.record(course, lab, done)


def abide(course: Course, lab: Lab) -> None:
    """让成绩库照教师此刻的规矩：改过的分、迟交扣的分。不必重批。"""
    settle(course, lab)
    gradebook.agree(course, lab, course.points(lab), {line.student: line.deducted for line in lines(course, lab)})


def merged(course: Course, result: dict[str, Any], only: str) -> dict[str, Any]:
    """只重批一项时，别的项照旧。"""
    old = course.result(result["lab"], result["student"]) if only else None
    if old is None or old["digest"] != result["digest"]:
        return result
    fresh = {v["check"]: v for v in result["verdicts"]}
    return {**result, "verdicts": [fresh.get(v["check"], v) for v in old["verdicts"]]}


# ---------------------------------------------------------------- 谁来批

Outcome = tuple[Paper, dict[str, Any], BaseException | None]  # 答卷、判定、为什么没有批成


def here(tasks: list[Task]) -> Iterator[Outcome]:
    """就在本进程里批。"""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        work: Work[dict[str, Any]] = Work(pool)
        paper_of = {work.give(mark, *task): paper for paper, task in tasks}
        for future in work:
            error = future.exception()
            yield paper_of[future], {} if error else future.result(), error
    finally:
        pool.shutdown(cancel_futures=True)


def spread(tasks: list[Task], workers: int, scheduler: str, keys: Path | None) -> Iterator[Outcome]:
    """交给本机的几个进程，或者一个集群。"""
    work = {f"mark-{n}-{paper.digest[:16]}": task for n, (paper, task) in enumerate(tasks)}
    papers = dict(zip(work, (paper for paper, _ in tasks), strict=True))
    if not scheduler:
        from sockscope.grading.course import processes
        outcomes = processes.gathered(work, workers)
    elif find_spec("distributed") is None:
        raise ValueError("交给别的机器要用 dask，这里没有装：pip install 'sockscope[cluster]'。")
    else:
        from sockscope.grading.course import cluster
        outcomes = cluster.gathered(work, scheduler, keys)
    for key, result, error in outcomes:
        yield papers[key], result, error
