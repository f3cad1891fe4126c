"""“你的内核与书”的面板：进展一行一行地来；叫停了交出已有的；死了说一句话；结论里有两边的图。"""

from __future__ import annotations

import json
import sys
import threading

import pytest

from sockscope import experiments
from sockscope.cells.my_kernel import Finding, Report
from sockscope.widgets.kernel_panel import Job, Page, html

TOLD = Report("Linux 6.1", "3.11", "cable", [Finding("experiments", "closing", "close.0.0.0", "same")]).to_json()
PROGRAM = """
import json, sys
path = sys.argv[sys.argv.index("--json") + 1]
print(json.dumps({"done": 1, "total": 2, "what": "一半"}), flush=True)
print("闲话", flush=True)
{body}
open(path, "w").write({told!r})
"""


def job(body: str = "") -> tuple[Job, threading.Event, list[dict]]:
    """一个假的比较；返回它、它做完的时候、它说过的一切。"""
    done, heard = threading.Event(), []

    def listen(state):
        heard.append(state)
        if not state["running"]:
            done.set()

    program = PROGRAM.replace("{body}", body).replace("{told!r}", repr(json.dumps(TOLD)))
    return Job([sys.executable, "-c", program], listen), done, heard


def test_progress_comes_line_by_line_and_then_the_result():
    made, done, heard = job()
    made.start()
    assert done.wait(100)
    assert [state["what"] for state in heard if state["running"]] == ["准备内核", "一半"]
    assert json.loads(made.state["report"]) == TOLD
    assert "实验的变体" in made.state["html"]
    assert made.state["error"] == ""


def test_stopping_closes_its_input_and_keeps_what_is_there():
    made, done, heard = job("sys.stdin.read()")
    made.start()
    while not any(state["what"] == "一半" for state in heard):
        assert not done.wait(0.01)
    made.stop()
    assert done.wait(100)
    assert made.state["html"]


def test_a_dead_process_is_one_sentence():
    made, done, _ = job("sys.exit('写不了 my-kernel.json：磁盘满了。')")
    made.start()
    assert done.wait(100)
    assert made.state["error"] == "写不了 my-kernel.json：磁盘满了。"
    assert not made.state["running"]


def test_a_second_start_does_nothing_while_it_runs():
    made, done, heard = job("sys.stdin.read()")
    made.start()
    made.start()
    made.stop()
    while not done.wait(0.01):
        made.stop()
    assert sum(state["what"] == "准备内核" for state in heard) == 1


@pytest.mark.parametrize(("finding", "figures"), [
    (Finding("experiments", "closing", "SHUT_WR.0.0.0", "different", "前者", experiments.recording("closing", how="SHUT_WR")), 4),
    (Finding("cells", "chapters/05_closing.ipynb", "half-close", "different", "`assert <x>` 在这里不成立。"), 0)])
def test_a_difference_shows_both_figures_and_nothing_unescaped(finding, figures):
    page = html(Report("Linux 6.1", "3.11", "cable", [finding]))
    assert page.count("<svg") == figures
    assert "<x>" not in page


def test_a_static_page_says_how_to_get_it():
    assert "make compare" in Page()._repr_html_()
