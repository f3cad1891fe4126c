"""判定、反馈、全班的一页、成绩表：给它们判定，看写出什么。不要内核，不要成绩库。"""

from __future__ import annotations

import csv
import json

import pytest

from sockscope import experiments
from sockscope.grading.course import export, feedback, gradebook, summary
from sockscope.grading.course.course import Course
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.source import notebook
from sockscope.grading.exam import arguments
from sockscope.grading.exam.lab import Lab, find_check, find_lab, labs
from sockscope.grading.exam.verdict import Row, Verdict

LAB = find_lab("lab05")
EVIL = "<script>alert(1)</script>"
CLOSING = experiments.recording("closing")


def verdict(name: str, status: str = "passed", **more) -> Verdict:
    check = LAB.checks[name]
    return Verdict(check.id, check.title, check.points, status, seed=7, **more)


WRONG = verdict("half_close", "failed", rows=[Row("对的", "1", "1", True), Row(EVIL, "b''", "什么也没有", False)],
                note="等不到 <b>", where=["停在 recv()", "第 3 行"], said=EVIL, trace=CLOSING)


# ---------------------------------------------------------------- 判定

def test_points_are_all_or_nothing():
    assert [verdict("half_close", status).earned for status in ("passed", "failed", "broken")] == [2, 0, 0]


def test_in_words_only_a_failure_says_how_to_try_again():
    assert repr(verdict("half_close")) == "✓ 通过  lab05.half_close  问完了，还听得见  2/2 分"
    lines = repr(WRONG).splitlines()
    assert lines[0].endswith("  问完了，还听得见  0/2 分（再来一次同样的：check('lab05.half_close', seed=7)）")
    assert lines[1:4] == ["  ✓ 对的", "      应当：1", "      实际：1"]
    assert lines[-5:] == ["  等不到 <b>", "  停在 recv()", "  第 3 行", "  你的程序打印了（不影响得分）：", EVIL]


def test_on_a_page_every_word_is_escaped_and_a_failure_shows_its_trace():
    page = WRONG.html()
    assert "<script" not in page
    assert "<b>" not in page
    assert page.count("&lt;script&gt;") == 2
    assert page.count("<svg") == 2, "宽窄两张"
    assert WRONG._repr_html_().startswith("<style")


@pytest.mark.parametrize("quiet", [
    verdict("half_close", trace=CLOSING), verdict("half_close", "failed"), verdict("half_close", "broken", trace=CLOSING)],
    ids=["passed", "no-trace", "broken"])
def test_no_figure_without_a_failure_and_a_trace(quiet):
    assert "<svg" not in quiet.html()
    assert "<table" not in quiet.html()


def test_saved_and_read_back():
    again = Verdict.from_json(WRONG.json(), CLOSING)
    assert again == WRONG


# ---------------------------------------------------------------- 一门课，判定是现成的

@pytest.fixture
def course(tmp_path, monkeypatch):
    """发布过的一门课：四份答卷，三份批过；成绩库里老师看过一份。"""
    made = Course(tmp_path)
    made.create()
    source = tmp_path / "source" / "lab05" / "lab05.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text(json.dumps(notebook(LAB)), encoding="utf-8")
    names = list(LAB.checks)
    for student in ("张三_1000", "坏掉", "没批"):
        made.save_paper(Paper(student, "lab05"))
    made.save_paper(Paper("=李 四", "lab05", notes=["缺少why"], late=True))
    results = {"张三_1000": [verdict(name) for name in names],
               "=李 四": [WRONG, *(verdict(name, "failed", rows=[Row("收", "1", "进程中途没了", False)]) for name in names[1:])],
               "坏掉": [verdict(names[0], "broken", note="仪器出错"),
                      *(verdict(name, "failed", note="没有行") for name in names[1:])]}
    for student, verdicts in results.items():
        made.save_result({"lab": "lab05", "student": student, "digest": "", "verdicts": [v.json() for v in verdicts]})
    monkeypatch.setattr(gradebook, "manual_scores", lambda *_: {"张三_1000": {"why": 2.5, "half_close": 1.0}})
    monkeypatch.setattr(gradebook, "comments", lambda *_: {"张三_1000": {"why": EVIL}})
    return made


def test_a_page_for_each_student_who_was_graded(course):
    made = feedback.feedback(course, LAB)
    assert sorted(path.parent.parent.name for path in made) == ["=李 四", "坏掉", "张三_1000"]
    seen = (course.root / "feedback" / "张三_1000" / "lab05" / "lab05.html").read_text()
    assert "书面题 why：2.5 分（满分 3 分）" in seen
    assert "<blockquote>&lt;script&gt;" in seen
    late = (course.root / "feedback" / "=李 四" / "lab05" / "lab05.html").read_text()
    assert "老师还没有看" in late
    assert "<li>缺少why</li><li>迟交</li>" in late
    assert "<script" not in seen + late


def test_feedback_for_one_student_only(course):
    assert [path.parent.parent.name for path in feedback.feedback(course, LAB, ["坏掉"])] == ["坏掉"]


def test_the_page_of_the_class(course):
    page = summary.summary(course, LAB).read_text()
    assert "收到 4 份，批完 3 份，自动批改满分 12 分。" in page
    assert 'aria-label="0 分 2 人，12 分 1 人"' in page
    looked = dict(summary.to_look_at(course.papers(LAB), {s: course.verdicts(r) for s in course.papers(LAB)
                                                          if (r := course.result("lab05", s))}, summary.said_of(course, LAB)))
    assert looked == {
        "=李 四": "缺少why；迟交；进程中途没了：os._exit()、崩溃，或超出了资源的上限",
        "坏掉": "lab05.half_close 没有批成：仪器出错", "没批": "还没有批"}


def test_nobody_to_look_at_is_one_sentence():
    assert summary.looks([], {}, {}) == "<p>没有。</p>"
    assert summary.looks([("<b>", "因为")], {"<b>": "x.html"}, {"<b>": Paper("<b>", "lab05")}) \
        == '<table><tr><th>学生</th><th>为什么</th></tr><tr><td><a href="x.html">&lt;b&gt;</a></td><td>因为</td></tr></table>'


def test_the_hardest_check_comes_first(course):
    table = summary.hardest(LAB, {s: course.verdicts(course.result("lab05", s)) for s in ("=李 四", "坏掉")})
    first, last = table.index("lab05.whole_answer"), table.index("lab05.half_close")
    assert first < last
    assert "<td>2</td>" in table


def test_the_tables_leave_blank_what_is_not_yet_seen(course):
    paths = {path.name: path for path in export.export(course, LAB)}
    rows = list(csv.reader(paths["spreadsheet.csv"].read_text(encoding="utf-8-sig").splitlines()))
    assert rows[1:] == [["'=李 四", "", "", "0", "", "迟交", "", "", "15", ""], ["坏掉", "", "", "0", "", "", "", "", "15", ""],
                        ["张三", "1000", "", "11", "2.5", "", "", "13.5", "15", ""]]
    moodle = list(csv.reader(paths["moodle.csv"].read_text().splitlines()))
    assert moodle[-1] == ["Participant 1000", "张三", "13.5", "15", ""]
    canvas = list(csv.reader(paths["canvas.csv"].read_text().splitlines()))
    assert canvas[-1] == ["张三", "1000", "", "", "", "13.5"]


@pytest.mark.parametrize("start", export.FORMULA)
def test_a_cell_that_looks_like_a_formula_is_text(start):
    assert export.plain(f"{start}1") == f"'{start}1"
    assert export.plain(None) == ""


# ---------------------------------------------------------------- 课与练习

def test_a_folder_that_is_no_course_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="还不是一门课"):
        Course(tmp_path).require()
    made = Course(tmp_path)
    made.create()
    assert made.require() is made
    assert (tmp_path / "seed").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ValueError, match="还没有发布"):
        made.notebook(LAB)
    with pytest.raises(ValueError, match="没有收到 王五"):
        made.papers(LAB, ["王五"])


def test_a_seed_belongs_to_the_course_and_the_check(tmp_path):
    one, two = Course(tmp_path / "one"), Course(tmp_path / "two")
    one.create()
    before = (tmp_path / "one" / "seed").read_text()
    one.create()
    two.create()
    first, second = list(LAB.checks.values())[:2]
    assert (tmp_path / "one" / "seed").read_text() == before
    assert one.seed(first) == one.seed(first)
    assert len({one.seed(first), one.seed(second), two.seed(first)}) == 3
    assert one.database.startswith("sqlite:///")


def test_unknown_names_are_told_what_there_is():
    assert list(labs()) == sorted(labs())
    assert find_check("lab05.half_close") is LAB.checks["half_close"]
    with pytest.raises(ValueError, match="没有叫 'lab99' 的练习；有：lab01"):
        find_lab("lab99")
    with pytest.raises(ValueError, match=r"没有叫 'lab05.nothing' 的检查；有：lab05.half_close"):
        find_check("lab05.nothing")
    with pytest.raises(ValueError, match="没有答题格 nowhere"):
        Lab("x", "x", "", {"ask": ["ask"]}).check("x", points=1, tries="x", cells=["nowhere"])


# ---------------------------------------------------------------- 给学生的函数的参数

@pytest.mark.parametrize(("made", "recipe", "text"), [
    (arguments.connected(("10.0.0.2", 7)), {"connect": {"tuple": [{"value": "10.0.0.2"}, {"value": 7}]}}, "sock"),
    (arguments.listening(("", 7), backlog=3), {"bind": {"tuple": [{"value": ""}, {"value": 7}]}, "listen": 3}, "listener"),
    (arguments.accepted(arguments.Path("s")), {"bind": {"path": "s"}, "listen": 1, "accept": True}, "conn"),
    (arguments.datagram(bind=[b"x"]), {"bind": {"list": [{"bytes": "78"}]}}, "sock"),
    (arguments.datagram(), {}, "sock"),
], ids=["connected", "listening", "accepted", "bound", "bare"])
def test_a_socket_to_be_made_over_there(made, recipe, text):
    told = arguments.freeze(made)["socket"]
    assert {key: told[key] for key in told if key not in ("family", "type")} == recipe
    assert repr(made) == text


def test_a_path_shows_only_its_name():
    assert repr(arguments.Path("echo.sock")) == repr("…/echo.sock")


@pytest.mark.parametrize(("value", "frozen"), [
    (7, {"value": 7}), (None, {"value": None}), ("x", {"value": "x"}), (b"\x00\xff", {"bytes": "00ff"}),
    (bytearray(b"a"), {"bytes": "61"}), ([1, b"a"], {"list": [{"value": 1}, {"bytes": "61"}]}),
    ((("h", 1),), {"tuple": [{"tuple": [{"value": "h"}, {"value": 1}]}]}), (arguments.Path("x.sock"), {"path": "x.sock"})])
def test_a_value_is_written_so_that_it_can_be_thawed(value, frozen):
    assert arguments.freeze(value) == frozen
    json.dumps(frozen)
