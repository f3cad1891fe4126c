"""谜题：够多，答案出自录制，遮住的真的遮住了，同一个种子总是同样的题，别的种子是别的题。"""

from __future__ import annotations

import json
import re
from pathlib import Path
from socket import SHUT_WR

import pytest

from sockscope import experiments, inverse, puzzles
from sockscope.pages.puzzles.page import draw, identity
from sockscope.pages.puzzles.puzzle import BLANK, Puzzle, ladder
from sockscope.pages.puzzles.wholes import results

PAGES = [Path(__file__).parents[2] / "book" / f"{name}.ipynb" for name in ("puzzles", "puzzles_2", "inverse")]
SOURCES = ["".join(c["source"]) for page in PAGES for c in json.loads(page.read_text())["cells"] if c["cell_type"] == "code"]
SETS = re.findall(r'puzzles\("(\d\d)", seed=(\d+)\)', "\n".join(SOURCES))
TASKS = re.findall(r"inverse\((.*)\)$", "\n".join(SOURCES), re.MULTILINE)


@pytest.fixture(scope="module")
def every() -> list[Puzzle]:
    return [puzzle for chapter, seed in SETS for puzzle in puzzles(chapter, seed).items]


def test_every_chapter_with_experiments_has_its_puzzles():
    chapters = {experiments.get(name).chapter for name in experiments.names(recorded=True)}
    assert {chapter for chapter, _ in SETS} == {c for c in chapters if c.isdigit()}


def test_there_are_enough_and_all_are_different(every):
    assert len(every) + len(TASKS) >= 120
    assert len({identity(puzzle) for puzzle in every}) == len(every)
    assert {puzzle.kind for puzzle in every} == {"填空", "次序", "因果", "辨认", "剪刀"}


def test_the_key_is_among_the_choices_and_every_wrong_one_says_why(every):
    for puzzle in every:
        assert puzzle.right in puzzle.choices, puzzle.text
        assert len(set(puzzle.choices.values())) == len(puzzle.choices) >= 2, puzzle.text
        assert all(puzzle.wrong.get(key) for key in puzzle.choices if key != puzzle.right), puzzle.text
        assert puzzle.because, puzzle.text


def test_what_is_asked_is_covered_once(every):
    for puzzle in every:
        assert ladder(puzzle.shown).count(BLANK) == (puzzle.kind == "填空"), puzzle.text


def test_cutting_another_packet_shows_something_else(every):
    """剪刀的题只有一个答案：剪掉别的选项，两边的程序看到的不一样。"""
    asked = [p for p in every if p.kind == "剪刀"]
    assert asked
    for puzzle in asked:
        values = puzzle.source.values
        seen = {cut: results(puzzle.source.experiment.recorded(drop=[cut], **values)) for cut in puzzle.choices}
        assert [cut for cut, said in seen.items() if said == seen[puzzle.right]] == [puzzle.right]
        assert not puzzle.shown.packets


def test_a_seed_is_a_set_of_its_own():
    assert draw("05", "7", 10) == draw("05", "7", 10)
    one, two = ({identity(p) for p in draw("05", seed, 10)} for seed in ("7", "8"))
    assert len(one & two) < len(one) / 2


def test_a_chapter_without_experiments_is_a_sentence():
    with pytest.raises(ValueError, match="第 99 章没有录过的实验，出不了题。"):
        puzzles("99")


# ---------------------------------------------------------------- 写出它的程序

@pytest.mark.parametrize("task", TASKS)
def test_the_program_itself_passes_and_an_empty_one_does_not(task):
    wanted = eval(f"inverse({task})", {"inverse": inverse})
    own = experiments.get(wanted.experiment).function
    assert wanted.check(lambda net: own(net, **wanted.values)).passed
    nothing = wanted.check(lambda _: None)
    assert not nothing.passed
    assert nothing.said.startswith("✗ 还不一样（前者是录制，后者是你的）：")


def test_the_calls_are_hidden():
    assert inverse("half_close").target.calls == []
    assert "shutdown" not in repr(inverse("half_close"))


def test_another_style_passes_too():
    """怎样调用随你：后台线程、makefile()、分两次读。"""
    def program(net):
        listener = net.server.socket()
        listener.bind((net.server.address, 7007))
        listener.listen()

        def serve():
            conn, _ = listener.accept()
            with conn, conn.makefile("rb") as question:
                question.read()
                conn.sendall(b"answer")

        net.server.spawn(serve)
        with net.client.socket() as near:
            near.connect(listener.getsockname())
            near.send(b"question")
            near.shutdown(SHUT_WR)
            while near.recv(3):
                pass

    assert inverse("half_close").check(program).passed
