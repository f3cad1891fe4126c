"""用 C 写的答题格：编译、装入、混用，编译不过和没有编译器时说什么，Lab 里的 %%c。"""

from __future__ import annotations

import json
import os

import pytest

from sockscope.grading.course import grade as grading
from sockscope.grading.course import marking
from sockscope.grading.course.course import Course
from sockscope.grading.course.intake import Paper, read
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import notebook, samples
from sockscope.grading.course.source import text_of as source_of
from sockscope.grading.course.summary import to_look_at
from sockscope.grading.exam import workshop
from sockscope.grading.exam.c_answer import is_c, text_of
from sockscope.grading.exam.c_magic import compiled_cell
from sockscope.grading.exam.lab import find_check, find_lab, labs
from sockscope.grading.exam.selfcheck import answers_in, check
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Answers, Plain
from sockscope.grading.executed.page import Study, perform
from sockscope.grading.jail.sandbox import refusal
from sockscope.live import Unavailable
from sockscope.live import compiler as finding
from sockscope.live.compiler import compiler
from tests.grading.test_selfcheck import executed, text

LAB = find_lab("lab03")
RIGHT = {s.name: s.answers.cells for s in samples(LAB) if not s.fails}
HEAD = '%%c\n// 答题格：echo\n#include "lab03.h"\n'


@pytest.fixture(scope="module", autouse=True)
def able():
    """有 C 编译器；没有，在 CI 上是失败，别处说明缺什么。"""
    try:
        compiler()
    except Unavailable as lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(lacking))


def judged(echo: str, name: str = "echo_end", **others: str):
    answers = Answers({**RIGHT["c"], "echo": echo, **others})
    return examine(LAB.checks[name], answers, Plain(), 3)


def test_a_cell_is_c_when_it_says_so():
    assert is_c("%%c\n// 答题格：echo\n")
    assert is_c("\n// 答题格：echo\nvoid echo(int conn) { }")
    assert not is_c("# 答题格：echo\n%%c")
    assert not is_c("%%capture\nx = 1")
    assert text_of("%%c -x\n// 答题格：echo\n") == "\n// 答题格：echo\n"
    found = answers_in([RIGHT["c"]["echo"], "%%c\nint x;", RIGHT["c-fork"]["echo"]], LAB)
    assert found.cells == {"echo": RIGHT["c-fork"]["echo"]}


def test_the_paper_keeps_the_c_as_it_was_written():
    book = filled(LAB, Answers(RIGHT["c"]))
    for cell in book["cells"]:
        cell["metadata"] = {}
    paper = read(json.dumps(book).encode(), LAB, ["why"])
    assert paper.cells == RIGHT["c"]


@pytest.mark.parametrize("lab", [lab for lab in labs().values() if lab.in_c], ids=lambda lab: lab.name)
def test_every_cell_of_such_a_lab_has_a_prototype_and_an_adapter(lab):
    assert list(lab.in_c.adapters) == list(lab.cells)
    for names in lab.cells.values():
        for name in names:
            assert f" {name}(" in lab.in_c.header


@pytest.mark.parametrize("lab", [lab for lab in labs().values() if lab.in_c], ids=lambda lab: lab.name)
def test_the_notebook_shows_the_header_as_it_is(lab):
    said = [source_of(cell) for cell in notebook(lab)["cells"] if "### 用 C 答" in source_of(cell)]
    assert [lab.in_c.header in text and f'#include "{lab.name}.h"' in text for text in said] == [True]


def test_the_executed_notebook_does_not_stumble_over_c():
    if why := refusal():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    study = Study()
    try:
        ran = perform({0: RIGHT["c"]["echo"], 1: "print(1 + 1)"}, study)
    finally:
        study.close()
    assert [ran[0].outputs[0].text[:10], ran[1].outputs[0].text] == ["（这一格用 C 写成", "2\n"]


def test_a_mistake_names_line_and_message():
    verdict = judged(HEAD + "void echo(int conn)\n{\n    close(conn)\n}\n")
    assert verdict.status == "failed"
    assert verdict.rows[-1].tried == "编译答题格 echo"
    assert verdict.rows[-1].seen.startswith("编译器说：implicit declaration of function 'close'")
    assert verdict.where == ["出错在答题格 echo 第 6 行：close(conn)"]


def test_another_prototype_is_a_mistake_with_or_without_the_header():
    for head in (HEAD, "// 答题格：echo\n"):
        verdict = judged(head + "int echo(long conn) { return (int)conn; }\n")
        assert "conflicting types for 'echo'" in verdict.rows[-1].seen
        assert verdict.where[0].startswith(f"出错在答题格 echo 第 {head.count(chr(10)) + 1} 行：int echo(long conn)")


def test_a_cell_that_defines_nothing_says_so():
    verdict = judged(HEAD + "static int other;\n")
    assert verdict.rows[-1].seen == "LinkError：没有定义 echo()"
    assert verdict.where == ["出错在答题格 echo 里"]


def test_a_broken_cell_costs_its_own_question_only():
    assert judged(HEAD + "void echo(int conn) {\n", "gallery").status == "passed"


def test_c_calls_c_and_python_calls_c_but_c_cannot_call_python():
    model = RIGHT["model"]
    assert judged(RIGHT["c"]["echo"], "serve_many", serve=model["serve"]).status == "passed"
    verdict = judged(model["echo"], "serve_many")
    assert verdict.rows[-1].seen == "LinkError：用了 echo，可是前面没有哪一格 C 定义它"


def test_a_loop_says_that_it_cannot_say_where():
    verdict = judged(HEAD + "void echo(int conn) { for (;;) ; }\n")
    assert verdict.where == ["停在答题格 echo 里：它是 C 写的，说不出是第几行"]


@pytest.mark.parametrize(("code", "told"), [
    ("*(volatile int *)(long)conn = 0;", "SIGSEGV 结束了：访问了不该访问的内存"),
    ('raise(SIGPIPE);', "SIGPIPE 结束了：往已经断了的连接写"), ("abort();", "SIGABRT 结束了：abort()")])
def test_a_crash_names_its_signal(code, told):
    verdict = judged(HEAD + f"#include <signal.h>\n#include <stdlib.h>\nvoid echo(int conn) {{ {code} }}\n")
    assert told in verdict.note


def test_a_line_printed_in_c_is_shown():
    verdict = judged(HEAD + '#include <stdio.h>\nvoid echo(int conn) { puts("你好"); for (;;) ; }\n')
    assert verdict.said == "你好\n"


def test_a_lab_without_prototypes_takes_no_c():
    other = next(lab for lab in labs().values() if not lab.in_c)
    name = next(iter(other.checks))
    verdict = examine(other.checks[name], Answers({cell: f"%%c\n// 答题格：{cell}\n" for cell in other.cells}), Plain(), 3)
    assert verdict.rows[-1].seen == "不收 C：这一格要用 Python 写"


# ---------------------------------------------------------------- 没有编译器

@pytest.fixture
def bare(monkeypatch):
    """没有 C 编译器的机器。"""
    monkeypatch.setattr(finding.shutil, "which", lambda _name: None)
    monkeypatch.setattr(workshop, "_kept", {})


def test_without_a_compiler_the_paper_is_put_aside(bare, monkeypatch, tmp_path):
    monkeypatch.setattr(marking, "sandbox", Plain)
    told = marking.mark("lab03", "张三", "", RIGHT["c"], {"gallery": 3, "silence": 3})
    assert {v["status"] for v in told["verdicts"]} == {"broken"}
    assert told["verdicts"][0]["note"] == "这台机器没有 C 编译器。补救：sudo apt install gcc libc6-dev。"
    course, paper = Course(tmp_path), Paper("张三", "lab03")
    assert grading.aside(told) == "这台机器没有 C 编译器。补救：sudo apt install gcc libc6-dev。"
    verdicts = {"张三": course.verdicts(told)}
    assert to_look_at({"张三": paper}, verdicts, {}) == [
        ("张三", "lab03.gallery 没有批成：这台机器没有 C 编译器。补救：sudo apt install gcc libc6-dev。")]


def test_without_a_compiler_python_is_graded_as_ever(bare):
    assert examine(LAB.checks["gallery"], Answers(RIGHT["model"]), Plain(), 3).status == "passed"


def test_a_compiler_that_compiles_nothing_is_not_the_students_fault(monkeypatch, tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'probe.c:1:1: fatal error: stddef.h: No such file' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(workshop, "_kept", {})
    verdict = judged(RIGHT["c"]["echo"])
    assert verdict.status == "broken"
    assert verdict.note == ("这台机器的 C 编译器编不了最小的程序（stddef.h: No such file）。"
                            "补救：sudo apt install gcc libc6-dev。")


# ---------------------------------------------------------------- 在 Lab 里

def test_the_magic_compiles_and_the_check_runs_it():
    outputs = executed("from sockscope import check", HEAD + "void echo(int conn) {\n    int unused;\n    clos(conn);\n}\n",
                       RIGHT["c"]["echo"], 'check("lab03.echo_end", seed=3)')
    assert text(outputs[1]) == ("没有编译成。\n第 6 行，编译器说：implicit declaration of function 'clos'\n"
                                "第 5 行，编译器提醒：unused variable 'unused'\n")
    assert text(outputs[2]) == "编译好了。运行下面的 check(...) 来试它。\n"
    assert "✓ 通过" in text(outputs[3])


def test_the_magic_asks_for_the_name_of_the_cell():
    assert compiled_cell("\nint x;\n") == "没有编译：%%c 的下一行要写明是哪一格，如 // 答题格：echo。"


def test_the_magic_says_what_is_missing(bare):
    assert compiled_cell("\n// 答题格：echo\n") == "这台机器没有 C 编译器。补救：sudo apt install gcc libc6-dev。"


def test_the_same_cell_is_compiled_once(monkeypatch):
    monkeypatch.setattr(workshop, "_kept", {})
    made = []
    compile_in = workshop.compile_in
    monkeypatch.setattr(workshop, "compile_in", lambda *a: made.append(a[3]) or compile_in(*a))
    check("lab03.gallery", seed=3, answers=Answers(RIGHT["c"]))
    assert made == ["echo", "serve", "diagnose"]
    assert find_check("lab03.gallery").cells == ("diagnose",)
