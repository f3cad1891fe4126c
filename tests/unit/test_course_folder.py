"""一门课的文件夹：答卷与判定存得下、取得回，反馈、成绩表与全班的一页由它们写成。不批改，也不要 nbgrader。"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from sockscope.experiments import recording
from sockscope.grading.course import gradebook
from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.course.export import Line, lines
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.lateness import Lateness
from sockscope.grading.course.marking import mark, trace_of
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import grade_id, model
from sockscope.grading.course.summary import histogram, summary
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.verdict import Row, Verdict
from sockscope.grading.executed.page import where
from sockscope.trace import dumps as trace_dumps

LAB = find_lab("lab05")
CHECKS = list(LAB.checks.values())
IN_TIME = Lateness(timedelta())
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """新建的一门课，放进了 lab05 带范例的笔记本。"""
    monkeypatch.setenv("PATH", os.environ["PATH"])  # Course 会往里添一项
    made = Course(tmp_path / "course")
    made.create()
    write(made.root / "source" / "lab05" / "lab05.ipynb", dumps(filled(LAB, model(LAB))))
    return made


def verdict(number: int, status: str = "passed", seen: str = "", **more) -> Verdict:
    check = CHECKS[number]
    rows = [Row("说话", "听见", "听见", True), *([Row(f"试了 {EVIL}", "应当", seen, False)] if seen else [])]
    return Verdict(check.id, check.title, check.points, status, rows=rows, **more)


def hand_in(course: Course, student: str, *verdicts: Verdict, **more) -> None:
    """交一份答卷；有判定的就算批过。"""
    course.save_paper(Paper(student, "lab05", model(LAB).cells, {"why": "因为"}, **more))
    if verdicts:
        course.save_result({"lab": "lab05", "student": student, "digest": "x", "verdicts": [v.json() for v in verdicts]})


def teacher(course: Course, **given: tuple[str, float | None, str]) -> None:
    """教师在 nbgrader 的成绩库里写的分与评语：学生 → (单元格, 分, 评语)。只有我们要问的几张表、几列。"""
    with closing(sqlite3.connect(course.root / "gradebook.db")) as book, book:
        book.executescript("""
            CREATE TABLE assignment (id, name); INSERT INTO assignment VALUES (1, 'lab05'), (2, 'lab01');
            CREATE TABLE base_cell (id, name);
            CREATE TABLE submitted_assignment (id, student_id, assignment_id);
            CREATE TABLE submitted_notebook (id, assignment_id);
            CREATE TABLE grade (cell_id, notebook_id, auto_score, manual_score);
            CREATE TABLE comment (cell_id, notebook_id, manual_comment);""")
        for student, (cell, score, said) in given.items():
            book.execute("INSERT INTO base_cell VALUES (?, ?)", (student, cell))
            book.execute("INSERT INTO submitted_assignment VALUES (?, ?, 1)", (student, student))
            book.execute("INSERT INTO submitted_notebook VALUES (?, ?)", (student, student))
            book.execute("INSERT INTO grade VALUES (?, ?, 1.0, ?)", (student, student, score))
            book.execute("INSERT INTO comment VALUES (?, ?, ?)", (student, student, said))


# ---------------------------------------------------------------- 文件夹


def test_creating_again_changes_nothing_and_the_seed_is_private(course):
    seed = course.root / "seed"
    before = seed.read_text()
    course.create()
    assert seed.read_text() == before
    assert seed.stat().st_mode & 0o777 == 0o600
    assert course.require() is course
    assert repr(str(course.root)) in (course.root / "nbgrader_config.py").read_text()
    assert course.database == f"sqlite:///{course.root}/gradebook.db"


def test_the_interpreter_s_own_programs_are_found(course):
    Course(course.root)
    own = str(Path(sys.executable).parent)
    assert os.environ["PATH"].split(os.pathsep).count(own) == 1


def test_the_written_questions_and_their_points(course):
    assert course.written(LAB) == {"why": 3}


def test_papers_come_back_as_they_were(course):
    hand_in(course, "张三", notes=["缺少why"], late=True, attempt="2026-11-19T08:00:00+08:00")
    hand_in(course, "li_5")
    papers = course.papers(LAB)
    assert list(papers) == ["li_5", "张三"]
    assert (papers["张三"].notes, papers["张三"].late, papers["张三"].cells) == (["缺少why"], True, model(LAB).cells)
    assert list(course.papers(LAB, ["张三"])) == ["张三"]
    with pytest.raises(ValueError, match=r"^没有收到 乙、甲 的 lab05。先 collect"):
        course.papers(LAB, ["甲", "张三", "乙"])


def test_results_come_back_with_or_without_their_trace(course):
    trace = recording("ping")
    told = verdict(1, "failed", "没有").json() | {"trace": json.loads(trace_dumps(trace))}
    course.save_result({"lab": "lab05", "student": "li", "digest": "", "verdicts": [verdict(0).json(), told]})
    result = course.result("lab05", "li")
    assert course.result("lab05", "nobody") is None
    assert course.verdicts(result) == [verdict(0), verdict(1, "failed", "没有")]
    assert [v.trace for v in map(trace_of, result["verdicts"])] == [None, trace]


def test_writing_is_whole_or_not_at_all(tmp_path):
    write(tmp_path / "new" / "x.json", "旧\r\n")
    with pytest.raises(UnicodeEncodeError):
        write(tmp_path / "new" / "x.json", "新\ud800")
    assert (tmp_path / "new" / "x.json").read_bytes() == "旧\r\n".encode()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["x.json"]


# ---------------------------------------------------------------- 成绩库，只读

def test_no_grade_book_means_no_points_yet(course):
    assert (gradebook.manual_scores(course, LAB), gradebook.comments(course, LAB)) == ({}, {})


def test_what_the_teacher_wrote_is_read(course):
    teacher(course, li=("why", 2.5, "好"), wang=("why", None, ""))
    assert gradebook.manual_scores(course, LAB) == {"li": {"why": 2.5}, "wang": {"why": None}}
    assert gradebook.recorded(course, LAB) == {"li": {"why": 1.0}, "wang": {"why": 1.0}}
    assert gradebook.comments(course, LAB) == {"li": {"why": "好"}}
    assert gradebook.scores(course, find_lab("lab01")) == {}


def test_the_notebook_for_the_grader_is_the_source_with_the_student_s_text_in_it(course):
    book = course.notebook(LAB)
    paper = Paper("li", "lab05", {"ask": "# 答题格：ask\npass"}, {"why": EVIL + "\n第二行"})
    made = {grade_id(c): c for c in gradebook.assembled(book, LAB, paper, [verdict(0)])["cells"]}
    assert (made["ask"]["source"], made["relay"]["source"]) == ("# 答题格：ask\npass", "# （没有交这一格）")
    assert made["why"]["source"] == f"学生的回答（原文）：\n\n    {EVIL}\n    第二行"
    assert made[CHECKS[0].name]["outputs"] == [{"output_type": "stream", "name": "stdout", "text": repr(verdict(0))}]
    assert made[CHECKS[1].name] == next(c for c in book["cells"] if grade_id(c) == CHECKS[1].name)
    assert book == course.notebook(LAB)


def test_a_check_whose_cell_is_not_there_fails_without_being_run():
    told = mark("lab05", "li", "x", {}, {check.name: 7 for check in CHECKS}, only=CHECKS[0].name)
    assert (told["student"], told["digest"], len(told["verdicts"])) == ("li", "x", 1)
    made = trace_of(told["verdicts"][0])
    assert (made.check, made.status, made.seed, made.trace) == (CHECKS[0].id, "failed", 7, None)
    assert made.note == f"答卷里没有答题格 {'、'.join(CHECKS[0].cells)}"


# ---------------------------------------------------------------- 成绩表

def test_the_total_is_empty_until_everything_is_read():
    assert Line("li", 5.0, {"why": None}, IN_TIME).total is None
    assert Line("li", 5.0, {"why": 2.5}, IN_TIME).total == 7.5
    assert Line("li", 5.0, {}, IN_TIME).total == 5.0


def test_a_teacher_s_points_for_a_check_count_more_than_the_machine_s(course):
    hand_in(course, "li", verdict(0), verdict(1))
    hand_in(course, "wang", verdict(0), verdict(1, "failed", "没有"), late=True)
    hand_in(course, "nobody")
    teacher(course, li=(CHECKS[1].name, 0.5, ""))
    assert lines(course, LAB) == [Line("li", CHECKS[0].points + 0.5, {"why": None}, IN_TIME, "li", paper="li"),
                                  Line("wang", CHECKS[0].points, {"why": None}, Lateness(None), "wang", paper="wang")]


# ---------------------------------------------------------------- 反馈


# ---------------------------------------------------------------- 全班的一页

def test_the_summary_counts_and_points_at_what_needs_a_look(course):
    hand_in(course, "good", verdict(0), verdict(1))
    hand_in(course, "poor", verdict(0), verdict(1, "failed", "没有"))
    hand_in(course, "lost", verdict(0, "failed", note=f"没有答题格 {EVIL}"), verdict(1, "failed", "没有"))
    hand_in(course, "<late>")
    write(where(course, LAB, "<late>"), "执行过的一页")
    text = summary(course, LAB).read_text()
    assert f"收到 4 份，批完 3 份，自动批改满分 {LAB.points:g} 分。" in text
    order = [text.index(f"<td>{CHECKS[n].id}</td>") for n in (1, 0, 2)]
    assert order == sorted(order), "没有通过的人多的在前"
    assert "<td>2</td><td>试了 &lt;script&gt;alert(1)&lt;/script&gt;</td>" in text
    assert "<td>1</td><td>没有答题格 &lt;script&gt;" in text
    assert '<a href="../executed/%3Clate%3E/lab05/lab05.html">&lt;late&gt;</a></td><td>还没有批</td>' in text
    assert "<script" not in text


def test_the_bars_are_as_tall_as_the_class_is_large():
    drawn = histogram([2.0, 2.0, 0.0], 2)
    assert 'aria-label="0 分 1 人，2 分 2 人"' in drawn
    assert [part.split('"')[0] for part in drawn.split('height="')[1:]] == ["60", "0", "120"]
    assert 'height="120"' not in histogram([], 2)
