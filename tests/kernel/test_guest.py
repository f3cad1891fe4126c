"""页内内核里应答的程序：在本机上用一对管道与它说话，问答与浏览器里的一样。"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sockscope import experiments
from sockscope.cells.recordings import book_notebooks, sources

STUBBORN = """
try:
    print('1', end='')
    while True: pass
except BaseException:
    print('2', end='')
    while True: pass
"""
CLOSING = "chapters/05_closing.ipynb"


class Guest:
    """一个开着的应答者。"""

    def __init__(self, folder: str) -> None:
        asked, self.questions = os.pipe()
        self.answers, answers = os.pipe()
        env = {**os.environ, "SOCKSCOPE_CAPTURE": "cable", "IPYTHONDIR": folder}
        command = [sys.executable, "-m", "sockscope.guest", f"/dev/fd/{asked}", f"/dev/fd/{answers}"]
        self.process = subprocess.Popen(command, pass_fds=[asked, answers], env=env)
        for fd in (asked, answers):
            os.close(fd)
        self.heard, self.serial = os.fdopen(self.answers), 0
        assert self.next() == {"id": 0, "ready": True}

    def say(self, line: str) -> None:
        os.write(self.questions, f"{line}\n".encode())

    def next(self) -> dict[str, Any]:
        return json.loads(self.heard.readline())

    def begin(self, do: str, **more: Any) -> int:
        self.serial += 1
        self.say(json.dumps({"id": self.serial, "do": do, **more}))
        return self.serial

    def end(self, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """最后一行回答，和此前的输出。"""
        outputs = []
        while "output" in (told := self.next()):
            outputs.append(told["output"])
            assert told["id"] == number
        assert told.pop("id") == number
        return told, outputs

    def ask(self, do: str, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return self.end(self.begin(do, **more))

    def cell(self, source: str, notebook: str = "mine", cell: str = "") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return self.ask("cell", source=source, notebook=notebook, cell=cell)

    def close(self) -> int:
        os.close(self.questions)
        code = self.process.wait(timeout=30)
        self.heard.close()
        return code


@pytest.fixture(scope="module")
def guest(tmp_path_factory) -> Iterator[Guest]:
    opened = Guest(str(tmp_path_factory.mktemp("ipython")))
    yield opened
    assert opened.close() == 0


def text(outputs: list[dict[str, Any]]) -> str:
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs)


def test_it_says_which_kernel_it_is(guest):
    told, _ = guest.ask("hello", now=0, seed="00" * 32)
    assert told["ok"] == {"kernel": os.uname().release, "python": sys.version.split()[0], "pace": 1}


def test_an_experiment_is_done_for_real(guest):
    told, _ = guest.ask("run", experiment="closing", parameters={"how": "SHUT_WR"})
    assert told["ok"]["live"]
    assert told["ok"]["label"] == "实时"
    assert told["ok"]["values"]["how"] == "SHUT_WR"
    assert told["ok"]["wide"].startswith("<svg")


def test_a_packet_is_cut(guest):
    fin = next(s for s in experiments.recording("closing").signatures if " FIN" in s)
    told, _ = guest.ask("run", experiment="closing", drop=[fin])
    assert told["ok"]["dropped"] == [fin]
    assert "丢" in told["ok"]["text"]


def test_it_compares_with_the_recording(guest):
    assert guest.ask("compare", experiment="closing")[0] == {"ok": {"same": "", "why": ""}}


@pytest.mark.parametrize(("question", "said"), [
    ({"do": "run", "experiment": "flying"}, "没有叫 'flying' 的实验"),
    ({"do": "run", "experiment": "closing", "drop": ["x"]}, "没有一根网线"),
    ({"do": "run", "experiment": "closing", "parameters": {"how": 1}}, "不能取"),
    ({"do": "sing"}, "不认识的请求")])
def test_what_is_wrong_is_one_sentence(guest, question, said):
    told, _ = guest.ask(**question)
    assert said in told["wrong"]
    assert "\n" not in told["wrong"]


def test_lines_that_are_no_question_are_passed_over(guest):
    for line in ("", "{", "[]", '{"do": "run"}', '{"id": "x", "do": "run"}', '{"do": "interrupt", "of": "x"}'):
        guest.say(line)
    assert guest.cell("1 + 1")[0]["ok"]["error"] is False


def test_cells_of_a_notebook_share_their_names_and_no_others(guest):
    assert text(guest.cell("x = 41\nprint('set')", "one")[1]) == "set\n"
    assert text(guest.cell("x + 1", "one")[1]) == "42"
    told, outputs = guest.cell("x", "two")
    assert told["ok"]["error"]
    assert outputs[-1]["ename"] == "NameError"
    assert "----> 1" in "\n".join(outputs[-1]["traceback"])


def test_output_arrives_while_the_cell_runs(guest):
    """先听见它说话，才叫它停：要是等做完才交出来，这里就等不到了。"""
    number = guest.begin("cell", notebook="mine", source="print('now', flush=True)\nwhile True: pass")
    assert guest.next()["output"]["text"] == "now"
    assert guest.next()["output"]["text"] == "\n"
    guest.say(json.dumps({"do": "interrupt", "of": number}))
    told, outputs = guest.end(number)
    assert told["ok"]["error"]
    assert outputs[-1]["ename"] == "KeyboardInterrupt"
    assert text(guest.cell("'alive'")[1]) == "'alive'"


def test_a_cell_that_swallows_the_interrupt_is_interrupted_again(guest):
    number = guest.begin("cell", notebook="mine", source=STUBBORN)
    for said in "12":
        assert guest.next()["output"]["text"] == said
        guest.say(json.dumps({"do": "interrupt", "of": number}))
    assert guest.end(number)[1][-1]["ename"] == "KeyboardInterrupt"


def test_what_waits_is_not_begun_and_what_is_over_is_not_hurt(guest):
    first = guest.begin("cell", notebook="mine", source="print('go', end='')\nwhile True: pass")
    second = guest.begin("cell", notebook="mine", source="print('never')")
    assert guest.next()["output"]["text"] == "go"
    for number in (second, first):
        guest.say(json.dumps({"do": "interrupt", "of": number}))
    assert guest.end(first)[0]["ok"]["error"]
    assert guest.end(second) == ({"wrong": "叫停了。"}, [])
    guest.say(json.dumps({"do": "interrupt", "of": first}))
    assert text(guest.cell("'alive'")[1]) == "'alive'"


def test_figures_and_explorers_are_drawn_for_the_page(guest):
    told, outputs = guest.cell("from sockscope import experiments, explorer\nexplorer('closing')")
    assert told["ok"]["error"] is False
    assert outputs[0]["data"]["text/html"].startswith('<div class="sockscope-explorer"')
    _, outputs = guest.cell("experiments.get('handshake').run()")
    assert "<svg" in outputs[0]["data"]["text/html"]
    assert "实时" in outputs[0]["data"]["text/html"]


@pytest.mark.slow
def test_the_cells_of_chapter_05_say_what_the_book_says(guest):
    assert CLOSING in book_notebooks()
    for cell, source in sources(CLOSING):
        told, _ = guest.cell(source, CLOSING, cell)
        assert told["ok"] == {"error": False, "same": ""}, cell


def test_an_edited_cell_is_not_compared(guest):
    [(cell, source), *_] = sources(CLOSING)
    assert guest.cell(f"{source}\n1", "edited", cell)[0]["ok"]["same"] is None
