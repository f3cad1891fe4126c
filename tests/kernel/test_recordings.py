"""每一条录制都经得起再做一遍：实验里少了一句、多了一句，内核换了脾气，这里就不同。

许多个同时做（``experiments/recheck.py``）：测试一开始就全部下单，每个实验的测试只等自己那几个。
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from sockscope import experiments
from sockscope.experiments.programs import require
from sockscope.experiments.recheck import Run, every_run, recheck, team
from sockscope.live import Unavailable

QUICK = 2.0  # 秒；录制里更久的，make soak 才做
NAMES = experiments.names(recorded=True)  # 没有录过的，tests/unit/test_experiments.py 会说



def possible(name: str) -> None:
    """这里没有要用的程序：CI 上是失败，别处说一声跳过。"""
    try:
        require(experiments.get(name).programs)
    except Unavailable as lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(lacking))


Answers = dict[str, list[Future[str]]]


def quick(name: str) -> list[Run]:
    """一个实验的快的那些；都慢，就做最快的一个。"""
    runs = every_run([name])
    return [run for run, took in runs if took < QUICK] or [runs[-1][0]]


def ordered(request: pytest.FixtureRequest, test: str, wanted: dict[str, list[Run]]) -> Iterator[Answers]:
    """为这一回要跑的测试下单，慢的在前。"""
    chosen = {item.callspec.params["name"] for item in request.session.items if getattr(item, "originalname", "") == test}
    order = dict(every_run(sorted(chosen))) if chosen else {}
    with team() as pool:
        answers: Answers = {name: [] for name in chosen}
        for run in order:
            if run in wanted[run.experiment]:
                answers[run.experiment].append(pool.submit(recheck, run))
        yield answers


@pytest.fixture(scope="module")
def quick_answers(request):
    yield from ordered(request, "test_quick_runs_are_the_same_as_their_recordings", {name: quick(name) for name in NAMES})


@pytest.fixture(scope="module")
def all_answers(request):
    yield from ordered(request, "test_every_run_is_the_same_as_its_recording",
                       {name: [run for run, _ in every_run([name])] for name in NAMES})


def differences(answers: list[Future[str]]) -> list[str]:
    return [said for said in (answer.result() for answer in answers) if said]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_runs_are_the_same_as_their_recordings(name, quick_answers):
    possible(name)
    assert quick_answers[name]
    assert differences(quick_answers[name]) == []


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
def test_every_run_is_the_same_as_its_recording(name, all_answers):
    possible(name)
    whole = experiments.Recording.load(name)
    assert len(all_answers[name]) == len(whole.variants) + sum(map(len, whole.drops.values()))
    assert differences(all_answers[name]) == []
