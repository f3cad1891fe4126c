"""一份答卷一共白等得起多少：一再叫人白等的，后面的不再做；旁边的老实人一分不少。"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sockscope.grading.course.marking import SPENT, mark, sandbox
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Answers
from sockscope.grading.exam.waiting import Allowance

LAB = find_lab("lab05")
SEEDS = dict.fromkeys(LAB.checks, 3)
SILENT = "import os\nGONE = os.closerange(3, 256)\n"
DEAF = """
import signal
def stay():
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    while True:
        pass
GONE = stay()
"""
HANGING = "def {name}(*arguments):\n    import threading\n    threading.Event().wait()\n"


@pytest.fixture(scope="module", autouse=True)
def possible(sandbox):
    """造得出沙箱。"""


def marked(cells: dict[str, str]) -> list[dict]:
    return mark("lab05", "学生", "", cells, SEEDS)["verdicts"]


@pytest.fixture(scope="module")
def papers():
    """两份拖时间的，两份老实的，一份每一题都卡住的，同时批。"""
    best = model(LAB).cells
    told = {"silent": {c: SILENT + s for c, s in best.items()}, "deaf": {c: DEAF + s for c, s in best.items()},
            "honest": best, "beside": best,
            "hanging": {c: "\n".join(HANGING.format(name=n) for n in LAB.cells[c]) for c in best}}
    with ThreadPoolExecutor(len(told)) as pool:
        return dict(zip(told, pool.map(marked, told.values()), strict=True))


@pytest.mark.parametrize("name", ["silent", "deaf"])
def test_a_paper_that_stalls_everywhere_is_cut_off(papers, name):
    """白等满了，剩下的没有再做，也说了为什么。"""
    verdicts = papers[name]
    assert {v["status"] for v in verdicts} == {"failed"}
    skipped = [v for v in verdicts if v["note"] == SPENT]
    assert skipped, verdicts
    assert verdicts[-len(skipped):] == skipped, "等满之后，一项也没有再做"
    assert all(v["seconds"] == 0 for v in skipped)


@pytest.mark.parametrize("name", ["honest", "beside"])
def test_the_papers_beside_it_lose_nothing(papers, name):
    assert [v["status"] for v in papers[name]] == ["passed"] * len(LAB.checks)


def test_an_honest_paper_that_hangs_in_every_question_is_examined_to_the_end(papers):
    """每一项都白等一回，也等不满：后面若有对的，一定做得到。"""
    assert {v["status"] for v in papers["hanging"]} == {"failed"}
    assert [v["check"] for v in papers["hanging"] if v["note"] == SPENT] == []


def test_only_waiting_in_vain_is_charged():
    allowance = Allowance(LAB)
    before = allowance.left
    answers = Answers({c: "\n".join(HANGING.format(name=n) for n in names) for c, names in LAB.cells.items()})
    check = LAB.checks["half_close"]
    assert examine(check, answers, sandbox(), 3, allowance).status == "failed"
    assert before - allowance.left > 0.9 * check.patience, "白等的，从整份答卷里扣"
    left = allowance.left
    assert examine(check, model(LAB), sandbox(), 3, allowance).status == "passed"
    assert allowance.left == left, "等到了的，多慢也不扣"


