"""批过的每一次都留着；变了什么、为什么，只说记下来的；评语用第二遍；全部练习的一页。不批改，也不要 nbgrader。"""

from __future__ import annotations

import json
import os

import pytest

from sockscope.grading.course import changes, gradebook, history
from sockscope.grading.course.changes import FLAKY, LOST, UNRECORDED, counts, news, since, steps
from sockscope.grading.course.changes_page import page, text
from sockscope.grading.course.comments import give, reused, used
from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.course.examiner import examiner, modules
from sockscope.grading.course.feedback import feedback
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.progress import gathered, moments, progress, remarks
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.verdict import Verdict

LAB = find_lab("lab05")
FIRST = "half_close"
EVIL = "<script>alert(1)</script>"
BY = {"examiner": "e1", "instrument": "i1", "kernel": "6.1", "python": "3.11", "version": "1.0"}


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.environ["PATH"])
    made = Course(tmp_path / "course")
    made.create()
    for name in ("lab03", "lab05"):
        lab = find_lab(name)
        write(made.root / "source" / name / f"{name}.ipynb", dumps(filled(lab, model(lab))))
    return made


@pytest.fixture
def teacher(monkeypatch):
    """教师在成绩库里写的：学生 → 单元格 → (自动分, 他给的分)，与评语。"""
    scores, said = {}, {}
    monkeypatch.setattr(gradebook, "scores", lambda course, lab: scores)
    monkeypatch.setattr(gradebook, "comments", lambda course, lab: said)
    return scores, said


def judged(paper: Paper, failed: tuple[str, ...] = (), when: str = "", seed: int = 1, broken: str = "", **by) -> dict:
    """一份判定；``when`` 为空的是从前那样，没有来历。"""
    lab = find_lab(paper.lab)
    verdicts = [Verdict(c.id, c.title, c.points, "broken" if n == broken else "failed" if n in failed else "passed",
                        note=EVIL * (n in failed), seed=seed).json() for n, c in lab.checks.items()]
    graded = {"graded": {"when": f"2026-11-{when}T10:00:00.000+08:00", "only": "", **BY, **by}} if when else {}
    return {"lab": paper.lab, "student": paper.student, "digest": paper.digest, "verdicts": verdicts, **graded}


def handed(course: Course, ask: str = "def ask(): 1\n", student: str = "li", lab: str = "lab05", why: str = "因为") -> Paper:
    one = Paper(student, lab, {"ask": ask}, {"why": why}, name=student)
    course.save_paper(one)
    return one


def why(course: Course) -> list[tuple[str, ...]]:
    return [change.why for step in steps(course, LAB) for change in step.changes]


# ---------------------------------------------------------------- 历史

def test_the_former_result_is_kept_without_its_trace(course):
    one = handed(course)
    first = judged(one, (FIRST,), "01")
    first["verdicts"][0]["trace"] = {"packets": ["x" * 1000]}
    history.replace(course, one, first)
    history.replace(course, one, judged(one, (), "02"))
    found = history.rounds(course, "lab05", "li")
    assert [r.checks[f"lab05.{FIRST}"]["status"] for r in found] == ["failed", "passed"]
    assert (found[0].paper, found[0].by, found[0].checks[f"lab05.{FIRST}"]["seed"]) == (one.digest, BY, 1)
    path = course.root / "history" / "lab05" / "li.jsonl"
    assert "xxxx" not in path.read_text()
    for kept in (path, path.parent / "papers" / "li.json"):
        assert kept.stat().st_mode & 0o777 == 0o600
    assert history.paper_text(course, "lab05", "li", one.digest) == one.cells


def test_the_same_result_is_remembered_once(course):
    one = handed(course)
    for _ in range(3):
        history.remember(course, judged(one, (), "01"), one)
    assert len(history.rounds(course, "lab05", "li")) == 1


@pytest.mark.parametrize("dies", ["keep", "save_result", "remember"])
def test_death_between_two_writes_loses_nothing(course, monkeypatch, dies):
    """在哪一步死掉，再来一次，历史里都是真的存下过的判定，一份不少。"""
    one, other = handed(course), None
    history.replace(course, one, judged(one, (FIRST,), "01"))
    other = handed(course, "def ask(): 2\n")
    with monkeypatch.context() as patched:
        target = course if dies == "save_result" else history
        patched.setattr(target, dies, lambda *a, **k: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            history.replace(course, other, judged(other, (), "02"))
        if dies == "remember":  # 存下了判定，还没有记：第一次 remember 之后才死
            patched.undo()
            history.keep(course, other)
            course.save_result(judged(other, (), "02"))
    history.replace(course, other, judged(other, (), "03"))
    found = [r.when[8:10] for r in history.rounds(course, "lab05", "li")]
    assert found == (["01", "02", "03"] if dies == "remember" else ["01", "03"])
    assert {r.paper for r in history.rounds(course, "lab05", "li")} == {one.digest, other.digest}
    assert history.paper_text(course, "lab05", "li", one.digest) == one.cells


def test_one_check_graded_again_leaves_the_rest(course):
    one = handed(course)
    history.replace(course, one, judged(one, (FIRST, "relay_eof"), "01"))
    again = judged(one, ("relay_eof",), "02")
    again["graded"]["only"] = FIRST
    history.replace(course, one, again)
    found = history.rounds(course, "lab05", "li")
    assert list(found[1].checks) == [f"lab05.{FIRST}"]
    now = history.standing(found)
    assert now[f"lab05.{FIRST}"].round.when > now["lab05.relay_eof"].round.when
    assert [n for n, j in now.items() if j.status == "failed"] == ["lab05.relay_eof"]


def test_the_examiner_is_what_the_lab_is_made_of():
    assert [p.stem for p in modules("lab13")] == ["lab13", "lab11"]
    assert [p.stem for p in modules("lab14")] == ["lab14", "proxy"]
    assert examiner(LAB)["examiner"] != examiner(find_lab("lab03"))["examiner"]
    assert examiner(LAB)["instrument"] == examiner(find_lab("lab03"))["instrument"]


# ---------------------------------------------------------------- 原因

CAUSES = {
    "the examiner": ({"examiner": "e2", "version": "2.0"}, "考官变了（1.0 → 2.0）"),
    "the examiner, same version": ({"examiner": "e2"}, "考官变了（版本号没有变，还是 1.0，源码变了：e1 → e2）"),
    "the kernel": ({"kernel": "6.2"}, "内核 变了（6.1 → 6.2）"),
    "the seed": ({"seed": 2}, "种子变了"),
    "nothing": ({}, FLAKY),
    "only the number": ({"version": "2.0"}, FLAKY),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_cause_is_what_is_recorded(course, cause):
    more, said = CAUSES[cause]
    one = handed(course)
    history.replace(course, one, judged(one, (FIRST,), "01"))
    history.replace(course, one, judged(one, (), "02", **more))
    assert why(course) == [(said,)]
    (step,) = steps(course, LAB)
    assert step.flaky == (said == FLAKY)
    assert (step.total, step.changes[0].line) == ((10, 12), "“问完了，还听得见”由没有通过变为通过")


def test_the_paper_is_a_cause_when_its_code_changed_and_the_lines_are_shown(course):
    one = handed(course, "def ask():\n    return 1\n")
    history.replace(course, one, judged(one, (FIRST,), "01"))
    two = handed(course, f"def ask():\n    return 2  # {EVIL}\n")
    history.replace(course, two, judged(two, (), "02"))
    assert why(course) == [("答卷改了：ask",)]
    written = page(course, LAB, steps(course, LAB), lambda s: s + EVIL).read_text()
    assert "<del>-    return 1</del>\n<ins>+    return 2  # &lt;script&gt;" in written
    assert "<script" not in written
    assert "default-src 'none'" in written


def test_only_the_written_answer_changed_is_no_cause(course):
    one = handed(course)
    history.replace(course, one, judged(one, (FIRST,), "01"))
    two = handed(course, why="改了")
    history.replace(course, two, judged(two, (), "02"))
    assert why(course) == [(FLAKY,)]


def test_two_causes_are_not_told_apart(course):
    one = handed(course)
    history.replace(course, one, judged(one, (FIRST,), "01"))
    history.replace(course, one, judged(one, (), "02", seed=2, examiner="e2", version="2"))
    assert why(course) == [("种子变了", "考官变了（1.0 → 2）", "不同的不止一样，哪一样起了作用，记录里分不出来")]


def test_what_was_not_recorded_is_said(course):
    one = handed(course)
    course.save_result(judged(one, (FIRST,)))
    two = handed(course, "def ask(): 2\n")
    history.replace(course, two, judged(two, (), "02"))
    assert why(course) == [(LOST, UNRECORDED)]
    assert "那时没有记时刻 → 2026-11-02 10:00:00" in text(steps(course, LAB), str)


def test_what_was_broken_is_not_called_flaky(course):
    one = handed(course)
    history.replace(course, one, judged(one, (), "01", broken=FIRST))
    history.replace(course, one, judged(one, (), "02"))
    ((said,),) = why(course)
    assert said.startswith("上一次是批改的一方出了错")


def test_the_unexplained_comes_first(course):
    for student, more in (("a", {"seed": 2}), ("b", {}), ("c", {"seed": 2})):
        one = handed(course, student=student)
        history.replace(course, one, judged(one, (FIRST,), "01"))
        history.replace(course, one, judged(one, (), "02" if student == "b" else "03", **more))
    assert [s.student for s in steps(course, LAB)] == ["b", "a", "c"]
    assert since(course, LAB, dict.fromkeys("abc", 1)) == \
        "分数变了：3 个学生升，0 个降；1 个学生的判定前后不同而说不出原因。看 changes lab05。"
    assert since(course, LAB, counts(course, LAB)) == ""


def test_the_teacher_s_hand(course, teacher):
    scores, _ = teacher
    one = handed(course)
    history.replace(course, one, judged(one, (FIRST,), "01"))
    scores["li"] = {FIRST: (0.0, 1.5)}
    assert why(course) == [("老师改了分：没有改过 → 1.5 分",)]
    history.replace(course, one, judged(one, (), "02", seed=2), gradebook.overruled(course, LAB)["li"])
    regraded, by_hand = steps(course, LAB)
    assert regraded.changes[0].why == ("改过的分没有动（1.5 分），自动分从 0 到 2", "种子变了")
    assert (by_hand.total, regraded.total) == ((10, 11.5), (11.5, 11.5))
    assert "老师改过的 1 项没有动" in since(course, LAB, {"li": 1})


# ---------------------------------------------------------------- 给学生的一句话

def test_the_student_is_told_once_and_still_told_when_the_page_is_written_again(course, teacher):
    one = handed(course)
    history.replace(course, one, judged(one, (FIRST,), "01"))
    assert news(course, LAB, "li", "li", {}) == ""
    history.replace(course, one, judged(one, (), "02", seed=2))
    told = news(course, LAB, "li", "li", {})
    assert told == "比上一次：“问完了，还听得见”由没有通过变为通过；自动批改 10 → 12 分。种子变了。"
    history.replace(course, one, judged(one, (), "03", seed=2))
    assert news(course, LAB, "li", "li", {}) == told
    feedback(course, LAB)
    assert told in (course.root / "feedback" / "li" / "lab05" / "lab05.html").read_text()


def test_a_comment_on_an_answer_cell_is_on_the_page(course, teacher):
    one = handed(course)
    history.replace(course, one, judged(one, (), "01"))
    teacher[1]["li"] = {"ask": EVIL}
    feedback(course, LAB)
    written = (course.root / "feedback" / "li" / "lab05" / "lab05.html").read_text()
    assert "老师看了答题格 ask：</p><blockquote>&lt;script&gt;" in written


# ---------------------------------------------------------------- 评语

def test_comments_are_counted_and_numbered(course, teacher):
    scores, said = teacher
    for student, mark in (("a", 2.0), ("b", 1.0), ("c", None)):
        said[student], scores[student] = {"why": "想到了 FIN"}, {"why": (None, mark)}
    said["d"] = {"why": "再想想"}
    assert [(u.text, u.times, u.average) for u in used(course, LAB)] == [("想到了 FIN", 3, 1.5), ("再想想", 1, None)]
    assert reused(course, LAB, 2) == "再想想"
    with pytest.raises(ValueError, match="没有第 3 句评语：一共 2 句"):
        reused(course, LAB, 3)


REFUSED = {
    "too many points": (("why", "好", 9.0), "满分是 3 分"),
    "not a number": (("why", "好", float("nan")), "分不行"),
    "points for a check": ((FIRST, "好", 1.0), "不是书面题"),
    "unknown": (("nowhere", "好", None), "没有叫 'nowhere' 的题"),
    "empty": (("why", " ", None), "评语是空的"),
    "another comment": (("why", "别的", None), "已经有评语“好”"),
    "another score": (("why", "好", 1.0), "已经给了 2 分"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_not_be_written(course, teacher, monkeypatch, case):
    (cell, words, score), said = REFUSED[case]
    handed(course)
    teacher[0]["li"], teacher[1]["li"] = {"why": (None, 2.0)}, {"why": "好"}
    monkeypatch.setattr(gradebook, "comment", lambda *a: pytest.fail("写了"))
    with pytest.raises(ValueError, match=said):
        list(give(course, LAB, cell, ["li"], words, score))


def test_a_comment_on_a_check_is_on_the_cell_it_tests(course, teacher, monkeypatch):
    handed(course)
    teacher[0]["li"] = {}
    written = []
    monkeypatch.setattr(gradebook, "comment", lambda *a: written.append(a[2:]))
    assert list(give(course, LAB, "relay_eof", ["li"], "看次序")) == ["li：写在 relay 上。"]
    assert written == [("relay", ["li"], "看次序", None)]


# ---------------------------------------------------------------- 全部练习

def test_first_and_last_attempts(course, teacher):
    one = handed(course)
    history.replace(course, one, judged(one, (FIRST,), "01"))
    two = handed(course, "def ask(): 2\n")
    history.replace(course, two, judged(two, (), "03"))
    handed(course, student="waits")
    (part,) = gathered(course)
    assert (part.first[f"lab05.{FIRST}"], part.last[f"lab05.{FIRST}"]) == ((0, 1), (1, 1))
    assert part.waiting == {"student:waits"}
    assert [(m.papers, m.passed, m.checks) for m in part.moments] == [(1, 6, 7), (1, 7, 7)]
    written = progress(course).read_text()
    assert '0% <small>0/1</small></td><td class="number">100% <small>1/1</small>' in written
    assert "说完了就 <code>close()</code>，回答照样收得到。" in written
    assert 'aria-label="2026-11-01 10:00 批过 1 份，通过 86%；2026-11-03 10:00 批过 1 份，通过 100%"' in written
    assert "<script" not in written


def test_gradings_within_an_hour_are_one(course):
    one = handed(course)
    for minute in ("10:00", "10:40", "12:00"):
        result = judged(one, (), "01")
        result["graded"]["when"] = f"2026-11-01T{minute}:00.000+08:00"
        history.replace(course, one, result)
    assert [m.when[11:] for m in moments([history.rounds(course, "lab05", "li")])] == ["10:40", "12:00"]


def test_what_stands_out_is_a_statement_of_numbers(course, teacher):
    for lab, failed in (("lab03", ()), ("lab05", tuple(LAB.checks))):
        one = handed(course, lab=lab)
        history.replace(course, one, judged(one, failed, "01"))
    assert remarks(gathered(course), "student:li") == ["lab05 的自动分是满分的 0%，从前 1 次平均 100%"]
    assert remarks(gathered(course), "student:nobody") == ["lab03、lab05 连着没有交"]


def test_every_line_of_the_history_is_json(course):
    one = handed(course)
    history.replace(course, one, judged(one, (FIRST,), "01"))
    lines = (course.root / "history" / "lab05" / "li.jsonl").read_text().splitlines()
    assert [json.loads(line)["paper"] for line in lines] == [one.digest]
    assert changes.counts(course, LAB) == {"li": 1}
