"""一门课走一遍：发布、收卷、批改、反馈、成绩表；断了接着来，重批一个人、一项，formgrader 看得见而跑不了学生写的东西。"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sockscope.grading.__main__ import main
from sockscope.grading.course import grade as grading
from sockscope.grading.course import gradebook
from sockscope.grading.course.course import Course
from sockscope.grading.course.export import plain
from sockscope.grading.course.mishaps import FORMS
from sockscope.grading.course.names import escape
from sockscope.grading.course.sample import blank, filled, form
from sockscope.grading.course.source import grade_id, model, samples, text_of
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.jail.sandbox import refusal
from tests.grading.hostility import CHEATS, cheat

LAB = find_lab("lab05")
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module", autouse=True)
def possible():
    """造得出沙箱；造不出在 CI 上是失败，别处说明缺什么。"""
    if why := refusal():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """发布了 lab05 的一门课，收了四份，批了两份。"""
    root = tmp_path_factory.mktemp("class")
    inbox = root / "inbox"
    wrong = next(s for s in samples(LAB) if s.name == "half-is-enough")
    script = next(f for f in FORMS if f.name == "script-in-answer")
    markup = next(c for c in CHEATS if c.name == "markup")
    for student, data in (("好学生", book(model(LAB))), ("=SUM(A1)", book(wrong.answers)), ("script_7", form(LAB, script)),
                          ("markup_8", book(cheat(LAB, markup), written=EVIL))):
        (inbox / student).mkdir(parents=True)
        (inbox / student / "lab05.ipynb").write_bytes(data)
    made = Course(root / "course")
    assert command(made, "release", "lab05") == 0
    assert command(made, "collect", "lab05", str(inbox)) == 0
    assert command(made, "grade", "lab05", "好学生", "=SUM(A1)") == 0
    return made


def book(answers, **options) -> bytes:
    return json.dumps(filled(LAB, answers, **options), ensure_ascii=False).encode()


def command(course: Course, *words: str) -> int:
    return main(["--course", str(course.root), *words])


def earned(course: Course, student: str) -> dict[str, float]:
    return {v.check.partition(".")[2]: v.earned for v in course.verdicts(course.result("lab05", student))}


def test_the_released_notebook_has_no_solution(course):
    path = course.root / "release" / "lab05" / "lab05.ipynb"
    released = json.loads(path.read_text())
    text = path.read_text()
    assert "SOLUTION" not in text
    assert "SHUT_WR)" not in "".join(text_of(c) for c in released["cells"] if c["cell_type"] == "code")
    for cell in released["cells"]:
        if grade_id(cell) in LAB.cells:
            assert text_of(cell).startswith(f"# 答题格：{grade_id(cell)}\n")
            assert "raise NotImplementedError" in text_of(cell)


def test_points_are_right(course):
    assert earned(course, "好学生") == {c.name: c.points for c in LAB.checks.values()}
    assert earned(course, escape("=SUM(A1)")) == {c.name: c.points * (c.name != "broken_answer") for c in LAB.checks.values()}


def test_the_grade_book_says_the_same(course):
    known = gradebook.recorded(course, LAB)
    assert {n: known["好学生"][n] for n in LAB.checks} == earned(course, "好学生")
    assert known["好学生"]["why"] is None


def test_nothing_is_graded_twice(course):
    assert grading.pending(course, LAB, ["好学生", escape("=SUM(A1)")], "", False) == []


def test_only_one_check_of_one_student(course):
    before = course.result("lab05", escape("=SUM(A1)"))
    assert command(course, "grade", "lab05", "=SUM(A1)", "--only", "half_close", "--again") == 0
    after = course.result("lab05", escape("=SUM(A1)"))
    assert [v["check"] for v in after["verdicts"]] == [v["check"] for v in before["verdicts"]]
    same = [a == b for a, b in zip(before["verdicts"], after["verdicts"], strict=True)]
    assert same.count(False) == 1, "只有重批的那一项变了（用时不同）"


def test_a_teacher_s_points_are_kept(course):
    with gradebook.opened(course) as writer:
        grade = writer.find_grade("why", "lab05", "lab05", "好学生")
        grade.manual_score = 2.5
        grade.needs_manual_grade = False
        writer.find_comment("why", "lab05", "lab05", "好学生").manual_comment = "想到了 <FIN>"
        writer.db.commit()
    assert command(course, "grade", "lab05", "好学生", "--again") == 0
    assert gradebook.manual_scores(course, LAB)["好学生"]["why"] == 2.5
    assert command(course, "feedback", "lab05") == 0
    page = (course.root / "feedback" / "好学生" / "lab05" / "lab05.html").read_text()
    assert "2.5 分（满分 3 分）" in page
    assert "<blockquote>想到了 &lt;FIN&gt;</blockquote>" in page


def test_rules_reach_the_grade_book_and_leave_it_again(course):
    def seen() -> tuple[float, float, float]:
        with gradebook.opened(course) as book:
            handed = book.find_submission_notebook("lab05", "lab05", "好学生")
            return handed.max_score, handed.score, handed.late_submission_penalty or 0.0

    before = seen()
    assert command(course, "points", "lab05", "half_close=5") == 0
    assert command(course, "late", "--rate", "10") == 0
    assert command(course, "extend", "lab05", "好学生", "--late", "1.5") == 0
    most = before[0] + 3
    assert seen() == (most, before[1] + 3, pytest.approx(most * 0.2)), "一天半算两天"
    assert command(course, "release", "lab05") == 0
    assert seen()[0] == most, "再发布一次，改过的分还在"
    assert command(course, "extend", "lab05", "好学生", "--cancel") == 0
    assert command(course, "late", "--none") == 0
    assert command(course, "points", "lab05", "half_close=2") == 0
    assert seen() == before


def test_a_comment_is_written_by_name_and_used_again(course, capsys):
    assert command(course, "comment", "lab05", "half_close", "=SUM(A1)", "--say", "先看 <图>") == 0
    assert command(course, "comment", "lab05", "why", "好学生", "--say", "别的") == 1
    assert "已经有评语“想到了 <FIN>”" in capsys.readouterr().err
    assert command(course, "comment", "lab05", "why", "=SUM(A1)", "--reuse", "2", "--score", "1") == 0
    assert gradebook.comments(course, LAB)[escape("=SUM(A1)")] == {"ask": "先看 <图>", "why": "想到了 <FIN>"}
    assert gradebook.manual_scores(course, LAB)[escape("=SUM(A1)")]["why"] == 1
    assert command(course, "comment", "lab05", "why", "好学生") == 1
    assert "--say 和 --reuse 写一个" in capsys.readouterr().err
    assert command(course, "comments", "lab05") == 0
    assert "2. why（2 次，平均 1.75 分）：想到了 <FIN>" in capsys.readouterr().out
    with gradebook.opened(course) as writer:  # 后面的测试要的是没有批过的书面题
        grade = writer.find_grade("why", "lab05", "lab05", escape("=SUM(A1)"))
        grade.manual_score, grade.needs_manual_grade = None, True
        writer.db.commit()


def test_what_a_new_paper_changed_is_said(course, tmp_path, capsys):
    folder = tmp_path / "再交" / "=SUM(A1)"
    folder.mkdir(parents=True)
    (folder / "lab05.ipynb").write_bytes(book(blank(LAB)))
    before = (course.root / "collected" / "lab05" / f"{escape('=SUM(A1)')}.json").read_bytes()
    assert command(course, "collect", "lab05", str(folder.parent)) == 0
    assert command(course, "grade", "lab05", "=SUM(A1)") == 0
    assert "分数变了：0 个学生升，1 个降。看 changes lab05。" in capsys.readouterr().out
    assert command(course, "changes", "lab05", "=SUM(A1)") == 0
    assert "答卷改了：ask、pump、relay" in capsys.readouterr().out
    (course.root / "collected" / "lab05" / f"{escape('=SUM(A1)')}.json").write_bytes(before)
    assert command(course, "grade", "lab05", "=SUM(A1)") == 0
    assert command(course, "progress") == 0


def test_the_tables(course):
    assert command(course, "export", "lab05") == 0
    folder = course.root / "export" / "lab05"
    sheet = (folder / "spreadsheet.csv").read_bytes()
    assert sheet.startswith(b"\xef\xbb\xbf")
    rows = {r[0]: r for r in csv.reader(sheet.decode("utf-8-sig").splitlines())}
    assert rows["'=SUM(A1)"][1:8] == ["", "", "10", "", "", "", ""], "没有看的书面题，总分留空"
    canvas = list(csv.reader((folder / "canvas.csv").read_text().splitlines()))
    assert canvas[0][:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert canvas[1][-1] == "15"


@pytest.mark.parametrize("words", [[], ["release"], ["collect"], ["grade"], ["feedback"], ["export"], ["summary"], ["sample"],
                                   ["similar"]],
                         ids=lambda words: words[0] if words else "all")
def test_help_is_chinese(words, capsys):
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    said = capsys.readouterr().out
    assert said.startswith("用法：")
    assert "positional" not in said
    assert "options" not in said
    assert "show this" not in said


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"])
def test_a_cell_is_never_a_formula(text):
    assert plain(text) == f"'{text}"


def test_what_students_write_is_only_text(course):
    assert command(course, "grade", "lab05", "script_7", "markup_8") == 0
    assert command(course, "feedback", "lab05") == 0
    assert command(course, "summary", "lab05") == 0
    pages = [*(course.root / "feedback").rglob("*.html"), *(course.root / "summary").glob("*.html")]
    assert len(pages) >= 3
    for page in pages:
        text = page.read_text()
        assert "<script" not in text
        assert "<img" not in text
        assert "default-src 'none'" in text
        assert "\x1b" not in text


def test_the_notebook_for_formgrader_holds_no_page(course):
    """formgrader 把 autograded/ 里的笔记本变成网页：书面题在里面只是缩进的原文。"""
    from nbconvert import HTMLExporter

    path = course.root / "autograded" / "script_7" / "lab05" / "lab05.ipynb"
    html, _ = HTMLExporter(template_name="basic").from_filename(str(path))
    assert "evil.example" in html
    for dangerous in ("<script>fetch", "<script>alert", "onerror=alert(1)>", 'href="javascript'):
        assert dangerous not in html, dangerous


def test_the_course_of_somebody_else_is_refused(tmp_path, capsys):
    assert main(["--course", str(tmp_path / "none"), "grade", "lab05"]) == 1
    assert "还不是一门课" in capsys.readouterr().err


def test_a_student_nobody_knows(course, capsys):
    assert command(course, "grade", "lab05", "没有这个人") == 1
    assert "没有收到 没有这个人" in capsys.readouterr().err


def test_written_answers_are_marked_in_a_table(course, capsys, tmp_path):
    assert command(course, "written", "lab05") == 0
    sheet = course.root / "export" / "lab05" / "written.csv"
    assert sheet.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(sheet.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == ["答卷", "学生", "题", "满分", "回答", "分", "评语"]
    number = next(n for n, row in enumerate(rows) if row[0] == escape("=SUM(A1)"))
    before = gradebook.scores(course, LAB)

    def given(score: str, comment: str = "", encoding: str = "utf-8-sig", delimiter: str = ",") -> Path:
        rows[number][5:] = score, comment
        path = tmp_path / "填好.csv"
        with open(path, "w", encoding=encoding, newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)
        return path

    for wrong, said in (("4", f"第 {number + 1} 行：4 分不行，why 的满分是 3 分。"), ("好", "好 不是分数"),
                        ("nan", "nan 分不行")):
        assert command(course, "mark", "lab05", str(given(wrong))) == 1
        assert said in capsys.readouterr().err
    assert gradebook.scores(course, LAB) == before, "有一行不对，一行也不写"
    for encoding, delimiter, score in (("utf-8-sig", ",", "2"), ("gb18030", ";", "1,5"), ("utf-16", "\t", "")):
        assert command(course, "mark", "lab05", str(given(score, f"用 {delimiter!r} 分开的", encoding, delimiter))) == 0
    assert gradebook.manual_scores(course, LAB)[escape("=SUM(A1)")]["why"] == 1.5
    assert gradebook.comments(course, LAB)[escape("=SUM(A1)")]["why"] == r"用 '\t' 分开的"
    capsys.readouterr()
    assert command(course, "mark", "lab05", str(given("", ""))) == 0
    assert capsys.readouterr().out.startswith("写了 0 个回答"), "空着的不动"


@pytest.mark.parametrize(("data", "said"), [
    (b"", "没有“答卷、题、分、评语”这几列"), ("答卷,题\n".encode(), "没有“答卷、题、分、评语”这几列"),
    (b"PK\x03\x04", "是 xlsx 工作簿"),
    ("答卷,题,分,评语\n没有他,why,1,\n".encode(), "第 2 行：没有 没有他 的 why。"), (None, "打不开")])
def test_a_table_that_is_none_of_ours(course, capsys, tmp_path, data, said):
    path = tmp_path / "表.csv"
    if data is not None:
        path.write_bytes(data)
    assert command(course, "mark", "lab05", str(path)) == 1
    assert said in capsys.readouterr().err


def test_killed_at_any_moment_the_next_run_finishes(course, tmp_path):
    """批到一半被 SIGKILL：批完的都在，成绩库打得开，下一次接着批，结果与一次批完相同。"""
    answers = [model(LAB), blank(LAB), model(LAB)]
    fresh = Course(tmp_path / "course")
    fresh.create()
    for name in ("gradebook.db", "seed", "source/lab05/lab05.ipynb"):
        (fresh.root / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh.root / name).write_bytes((course.root / name).read_bytes())
    for number, one in enumerate(answers):
        (tmp_path / "in" / f"学生{number}").mkdir(parents=True)
        (tmp_path / "in" / f"学生{number}" / "lab05.ipynb").write_bytes(book(one))
    assert command(fresh, "collect", "lab05", str(tmp_path / "in")) == 0
    run = [sys.executable, "-m", "sockscope.grading", "--course", str(fresh.root), "grade", "lab05", "--workers", "1"]
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        wait_for(lambda: len(list((fresh.root / "results" / "lab05").glob("*.json"))) >= 1)
        os.killpg(process.pid, signal.SIGKILL)
    saved = {p.name: p.read_bytes() for p in (fresh.root / "results" / "lab05").glob("*.json")}
    assert all(json.loads(data)["verdicts"] for data in saved.values())
    assert gradebook.recorded(fresh, LAB) is not None
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    assert {n: (fresh.root / "results" / "lab05" / n).read_bytes() for n in saved} == saved
    full = {c.name: c.points for c in LAB.checks.values()}
    for number, one in enumerate(answers):
        wanted = dict.fromkeys(full, 0) if one.cells == blank(LAB).cells else full
        assert earned(fresh, f"学生{number}") == wanted
        assert {n: gradebook.recorded(fresh, LAB)[f"学生{number}"][n] for n in full} == wanted


def wait_for(fact, patience: float = 100.0) -> None:
    deadline = time.monotonic() + patience
    while not fact():
        assert time.monotonic() < deadline, "没有等到"
        time.sleep(0.05)
