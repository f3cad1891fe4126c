"""本机的几个工作进程：中途死了一个，一份不少；一份总是害死它的工作进程，只有它没有批成。"""

from __future__ import annotations

import os
import signal

import pytest

from sockscope.grading.course import processes
from sockscope.grading.course.processes import Died, gathered


def mark(number: int, deadly: bool, marker: str) -> dict[str, int]:
    """代替批一份：有的第一次害死自己的进程，有的次次都害死。"""
    if deadly and (not marker or not os.path.exists(marker)):
        if marker:
            open(marker, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"number": number, "pid": os.getpid()}


@pytest.fixture(autouse=True)
def pretend(monkeypatch):
    monkeypatch.setattr(processes, "serve", serve)


def serve(pipe, seats):
    processes.mark = mark
    SERVE(pipe, seats)


SERVE = processes.serve


def outcomes(work):
    return {key: (result.get("number"), error) for key, result, error in gathered(work, 2)}


def test_all_are_marked_by_as_many_processes_as_asked():
    done = list(gathered({f"k{n}": (n, False, "") for n in range(20)}, 2))
    assert sorted(result["number"] for _, result, _ in done) == list(range(20))
    assert len({result["pid"] for _, result, _ in done}) <= 2


def test_what_a_dead_worker_held_is_marked_again(tmp_path):
    work = {f"k{n}": (n, n == 3, str(tmp_path / "once")) for n in range(12)}
    assert outcomes(work) == {f"k{n}": (n, None) for n in range(12)}


def test_a_paper_that_always_kills_its_worker_is_the_only_one_lost():
    told = outcomes({f"k{n}": (n, n == 3, "") for n in range(12)})
    assert isinstance(told.pop("k3")[1], Died)
    assert told == {f"k{n}": (n, None) for n in range(12) if n != 3}


def test_stopping_early_leaves_no_process():

    run = gathered({f"k{n}": (n, False, "") for n in range(50)}, 2)
    _, result, _ = next(run)
    run.close()
    with pytest.raises(ProcessLookupError):
        os.kill(result["pid"], 0)
