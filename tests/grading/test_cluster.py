"""现成的 dask 集群：一个调度进程、两个工作进程，中途杀掉一个，结果一份不少、一分不差。"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from sockscope.grading.course import grade as grading
from sockscope.grading.course.cluster import gathered, make_keys, security
from sockscope.grading.course.course import Course
from sockscope.grading.course.sample import blank, filled
from sockscope.grading.course.source import model, path
from sockscope.grading.exam.lab import find_lab

LAB = find_lab("lab05")
COUNT = 12


def started(stack: ExitStack, keys: Path, *words: str) -> subprocess.Popen:
    """一个 dask 的进程，测试结束时杀掉。"""
    process = stack.enter_context(subprocess.Popen([sys.executable, "-m", *words], env={**os.environ, "DASK_CONFIG": str(keys)},
                                                   stderr=subprocess.PIPE, text=True))
    stack.callback(process.kill)
    return process


@pytest.fixture
def course(tmp_path, monkeypatch):
    """收了十二份的一门课；成绩库不在这里测。"""
    made = Course(tmp_path / "course")
    made.create()
    target = made.root / "source" / "lab05" / "lab05.ipynb"
    target.parent.mkdir(parents=True)
    target.write_bytes(path(LAB).read_bytes())
    from sockscope.grading.course.intake import read

    for number in range(COUNT):
        answers = blank(LAB) if number % 3 == 0 else model(LAB)
        paper = read(json.dumps(filled(LAB, answers)).encode(), LAB, ["why"])
        paper.student = f"学生{number}"
        made.save_paper(paper)
    monkeypatch.setattr(grading, "settle", lambda *_: None)
    return made


@pytest.fixture
def keys(tmp_path) -> Path:
    """一把钥匙。"""
    make_keys(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"distributed": null}', "\udcff"])
def test_keys_that_are_none_are_one_sentence(keys, text):
    (keys / "distributed.json").write_text(text, errors="surrogateescape")
    with pytest.raises(ValueError, match=r"读不出钥匙.*重新做一把。$"):
        security(keys)


def test_nobody_watches_the_workers(keys):
    """dask 自带的剖析在 Python 3.11 里会锁死线程多的进程；还没有来的工作进程也一样不许。"""
    ours = security(keys)
    with LocalCluster(n_workers=1, processes=False, protocol="tls", security=ours, host="127.0.0.1",
                      dashboard_address="127.0.0.1:0") as cluster, Client(cluster, security=ours) as client:
        assert list(gathered({}, cluster.scheduler_address, keys)) == []
        cluster.scale(2)
        client.wait_for_workers(2)
        watched = client.run(lambda dask_worker: {"profile", "profile-cycle"} & dask_worker.periodic_callbacks.keys())
    assert list(watched.values()) == [set(), set()]


@pytest.mark.soak
def test_a_worker_dies_midway(course, keys):
    with ExitStack() as stack:
        scheduler = started(stack, keys, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
                            "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
        address = next(found[0] for line in scheduler.stderr if (found := re.search(r"tls://127\S+:\d+", line)))
        workers = [started(stack, keys, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny",
                           "--no-dashboard") for _ in range(2)]

        def progress(count: int, _total: int, _student: str) -> None:
            if count == 3:
                workers[0].kill()

        done, failed = grading.grade(course, LAB, scheduler=address, keys=keys, progress=progress)
    assert (done, failed) == (COUNT, [])
    for number in range(COUNT):
        earned = sum(v.earned for v in course.verdicts(course.result("lab05", f"学生{number}")))
        assert earned == (0 if number % 3 == 0 else LAB.points)
