"""教师定的规矩：截止与扣分、宽限、各题几分、分组。改了就算数，谁也不必重批。"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from sockscope.grading.__main__ import main
from sockscope.grading.course import standing
from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.course.groups import Groups, teams
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.lateness import lateness
from sockscope.grading.course.people import everybody, find
from sockscope.grading.course.roster import Roster
from sockscope.grading.course.rules import Extension, Policy, Rules, told
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.verdict import Verdict

LAB = find_lab("lab05")
DUE = "2026-11-20T23:59:00+08:00"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.environ["PATH"])
    made = Course(tmp_path / "course")
    made.create()
    write(made.root / "source" / "lab05" / "lab05.ipynb", dumps(filled(LAB, model(LAB))))
    return made


def paper(student: str, **more) -> Paper:
    return Paper(student, "lab05", {"ask": more.pop("ask", "x")}, {"why": "因为"}, **more)


def hand_in(course: Course, student: str, right: int = 7, **more) -> Paper:
    """交一份，前 ``right`` 项检查通过。"""
    one = paper(student, **more)
    course.save_paper(one)
    done = [Verdict(c.id, c.title, c.points, "passed" if n < right else "failed").json()
            for n, c in enumerate(LAB.checks.values())]
    course.save_result({"lab": "lab05", "student": student, "digest": one.digest, "verdicts": done})
    return one


def command(course: Course, *words: str) -> int:
    return main(["--course", str(course.root), *words])


@pytest.fixture(autouse=True)
def marked(monkeypatch):
    """书面题人人三分；不开 nbgrader。"""
    given = {}
    monkeypatch.setattr(standing.gradebook, "manual_scores", lambda course, lab: {
        s: given.get(s, {"why": 3.0}) for s in course.papers(lab)})
    monkeypatch.setattr("sockscope.grading.course.grade.abide", lambda course, lab: None)
    return given


def by_student(course: Course) -> dict[str, standing.Line]:
    return {line.student: line for line in standing.lines(course, LAB)}


# ---------------------------------------------------------------- 扣分

@pytest.mark.parametrize(("policy", "total", "by", "taken"), [
    (Policy(), 10, 9 * DAY, 0),
    (Policy(rate=10), 10, timedelta(seconds=1), 1.5),          # 不满一天也算一天；扣的是满分的百分之十
    (Policy(rate=10), 10, DAY, 1.5),
    (Policy(rate=10), 10, DAY + timedelta(seconds=1), 3),
    (Policy(rate=10), 10, 30 * DAY, 10),                       # 扣不到零以下
    (Policy(rate=10, floor=50), 10, 30 * DAY, 2.5),            # 满分 15 的一半是 7.5
    (Policy(rate=10, floor=80), 10, 30 * DAY, 0),              # 本来就在底线以下的不扣
    (Policy(rate=1, unit="hour"), 10, 90 * timedelta(minutes=1), 0.3),
    (Policy(rate=10, grace=15), 10, timedelta(minutes=15), 0),
    (Policy(rate=10, grace=15), 10, timedelta(minutes=16), 1.5),
    (Policy(closed=2), 10, 2 * DAY, 0),
    (Policy(closed=2), 10, 2 * DAY + timedelta(seconds=1), 10),
    (Policy(rate=10, floor=50, closed=2), 10, 3 * DAY, 10),    # 过了最后期限，底线不管用
    (Policy(rate=10), 10, timedelta(), 0),
])
def test_what_is_taken_for_being_late(policy, total, by, taken):
    assert policy.deduction(total, 15, by) == pytest.approx(taken)


@pytest.mark.parametrize(("by", "said"), [
    (timedelta(seconds=1), "1 分钟"), (HOUR, "1 小时"), (90 * timedelta(minutes=1), "1 小时 30 分钟"),
    (3 * DAY, "3 天"), (3 * DAY + 5 * HOUR, "3 天 5 小时")])
def test_how_late_in_words(by, said):
    assert told(by) == said


# ---------------------------------------------------------------- 迟了多久

def late(rules=None, keys=(), **more):
    return lateness(rules or Rules(due={"lab05": DUE}), LAB, paper("li", **more), keys)


def test_late_by_the_platform_s_time():
    found = late(attempt="2026-11-21T01:59:00+08:00", layout="blackboard", timed=True)
    assert (found.by, str(found)) == (2 * HOUR, "迟交 2 小时")
    assert not late(attempt="2026-11-20T23:59:00+08:00").late
    assert not late(attempt="2026-11-20T16:00:00+01:00").late, "别的时区"


def test_canvas_says_late_and_its_zip_s_time_is_when_it_was_packed():
    assert late(attempt="2026-12-24T00:00:00+08:00", layout="canvas").by == timedelta()
    marked = late(attempt="2026-12-24T00:00:00+08:00", layout="canvas", late=True)
    assert (marked.by, str(marked)) == (None, "迟交")


def test_no_deadline_and_no_word_of_the_platform_is_in_time():
    assert not late(Rules(), attempt="2026-11-21T01:59:00+08:00").late
    assert late(Rules(), late=True).by is None


def test_an_extension_counts_from_its_own_moment():
    given = Extension("2026-11-22T00:00:00+08:00", why="病假")
    rules = Rules(due={"lab05": DUE}, extensions={"lab05": {"number:7": given}})
    assert late(rules, ["number:7"], attempt="2026-11-21T01:59:00+08:00").by == timedelta()
    after = late(rules, ["student:li", "number:7"], attempt="2026-11-22T01:00:00+08:00")
    assert (after.by, str(after)) == (HOUR, "迟交 1 小时，宽限到 2026-11-22 00:00（病假）")
    assert late(rules, ["number:8"], attempt="2026-11-21T01:59:00+08:00").late


def test_the_teacher_s_word_is_last():
    rules = Rules(due={"lab05": DUE}, extensions={"lab05": {"student:li": Extension(late=0.0)}})
    found = late(rules, ["student:li"], layout="canvas", late=True)
    assert (found.by, str(found)) == (timedelta(), "老师算作按时")


# ---------------------------------------------------------------- 分数

def test_penalty_extension_and_question_in_the_marks(course):
    rules = Rules(Policy(rate=10), {"lab05": DUE}).extended(LAB, "student:wu", Extension("2026-11-23T00:00:00+08:00"))
    rules.save(course)
    hand_in(course, "li", attempt="2026-11-22T00:00:00+08:00")
    hand_in(course, "wu", attempt="2026-11-22T00:00:00+08:00")
    hand_in(course, "can", layout="canvas", late=True)
    found = by_student(course)
    assert (found["li"].earned, found["li"].deducted, found["li"].total) == (15, 3, 12)
    assert (found["wu"].deducted, found["wu"].total) == (0, 15)
    assert found["can"].total is None
    assert "extend --late" in found["can"].question
    Rules(due={"lab05": DUE}).save(course)
    assert by_student(course)["can"].total == 15, "迟交不扣分，就没有什么要问的"


def test_changed_points_count_at_once_everywhere(course, capsys):
    hand_in(course, "li", right=1)
    assert command(course, "points", "lab05", "half_close=7", "relay_reset=0") == 0
    assert "half_close  7 分（改过）" in capsys.readouterr().out
    line = by_student(course)["li"]
    assert (line.auto, line.total, sum(course.points(LAB).values())) == (7, 10, 19)
    assert next(v.points for v in course.verdicts(course.result("lab05", "li"))) == 7
    assert command(course, "export", "lab05") == 0
    assert "li,,,7,3,,,10,19," in (course.root / "export" / "lab05" / "spreadsheet.csv").read_text()
    assert command(course, "feedback", "lab05") == 0
    page = (course.root / "feedback" / "li" / "lab05" / "lab05.html").read_text()
    assert "<strong>7 / 16</strong>" in page
    assert "总分：<strong>10 / 19</strong>" in page
    assert command(course, "summary", "lab05") == 0
    assert "自动批改满分 16 分" in (course.root / "summary" / "lab05.html").read_text()


@pytest.mark.parametrize(("words", "said"), [
    (["nope=1"], "lab05 没有 nope；有：half_close、"), (["half_close"], "看不懂 half_close。写成 题=分，如 half_close=3。"),
    (["half_close=-1"], "half_close 的分要在 0 与 1000 之间。"), (["half_close=nan"], "half_close 的分要在 0 与 1000 之间。"),
    (["half_close=1", "why=2"], "why 已经有 1 人得了高于 2 分的分（li）。"),
])
def test_points_that_cannot_be(course, capsys, words, said):
    hand_in(course, "li")
    assert command(course, "points", "lab05", *words) == 1
    assert capsys.readouterr().err.startswith(said)
    assert not (course.root / "rules.json").exists()


def test_a_spoiled_file_of_rules_is_one_sentence(course, capsys):
    hand_in(course, "li")
    write(course.root / "rules.json", "{")
    for words in (["due", "lab05"], ["export", "lab05"], ["late"], ["points", "lab05"]):
        assert command(course, *words) == 1
        assert "rules.json 读不懂" in capsys.readouterr().err


# ---------------------------------------------------------------- 人

ROSTER = "姓名,学号\n李四,20260001\n张伟,20260002\n张伟,20260003\n王五,20260004\n"


def test_whoever_is_meant_or_a_question(course):
    write(course.root / "roster.csv", ROSTER)
    papers = [paper("20260001-李四", owner="20260001-李四", name="李四", id="20260001", layout="chaoxing")]
    people = everybody(course, papers)
    assert len(people) == 4
    assert find(people, "李四") == find(people, "20260001") == find(people, "20260001-李四")
    assert find(people, "李四").key == "number:20260001"
    assert find(people, "王五").student == ""
    with pytest.raises(ValueError, match=r"叫 张伟 的不止一个：张伟（20260002）、张伟（20260003）。写号。"):
        find(people, "张伟")
    with pytest.raises(ValueError, match="没有收到过 赵六 的答卷，名单上也没有他"):
        find(people, "赵六")


def test_an_extension_before_and_after_there_is_a_roster(course, capsys):
    hand_in(course, "20260001-李四", owner="20260001-李四", name="李四", id="20260001", layout="chaoxing")
    assert command(course, "extend", "lab05", "李四", "--until", "2026-12-01T00:00", "--why", "病假") == 0
    assert list(Rules.of(course).extensions["lab05"]) == ["student:20260001-李四"]
    write(course.root / "roster.csv", ROSTER)
    assert by_student(course)["20260001-李四"].lateness.extended.why == "病假"
    assert command(course, "extend", "lab05", "20260001", "王五", "--late", "0") == 0
    assert list(Rules.of(course).extensions["lab05"]) == ["number:20260001", "number:20260004"], "旧的那一条换掉了"
    capsys.readouterr()
    assert command(course, "extend", "lab05") == 0
    assert capsys.readouterr().out == "  李四（20260001）：当作迟了 0 天\n  王五（20260004）：当作迟了 0 天\n"
    assert command(course, "extend", "lab05", "李四", "王五", "--cancel") == 0
    assert Rules.of(course).extensions == {}


def test_an_extension_says_one_thing(course, capsys):
    hand_in(course, "li")
    for words in ([], ["--late", "1", "--cancel"]):
        assert command(course, "extend", "lab05", "li", *words) == 1
        assert capsys.readouterr().err == "写 --until 时刻、--late 天数、--cancel 里的一样。\n"


# ---------------------------------------------------------------- 分组

GROUPS = "组,姓名,学号\n一组,李四,20260001\n一组,王五,20260004\n二组,张伟,20260002\n二组,张伟,20260003\n三组,周六,20260006\n"


def chaoxing(course, number, name, **more):
    return hand_in(course, f"{number}-{name}", owner=f"{number}-{name}", name=name, id=number, layout="chaoxing", **more)


def test_one_paper_counts_for_everyone_of_the_team(course):
    write(course.root / "roster.csv", ROSTER)
    Groups(GROUPS).keep_for(course, LAB)
    chaoxing(course, "20260001", "李四", right=3)
    hand_in(course, "alone")
    found = by_student(course)
    assert {s: (line.total, line.team, line.paper) for s, line in found.items()} == {
        "20260001-李四": (9, "一组", "20260001-李四"), "王五,4ff0820260004,4ff09": (9, "一组", "20260001-李四"),
        "alone": (15, "", "alone")}
    assert found["王五,4ff0820260004,4ff09"].member.ids == {"number": "20260004"}
    assert command(course, "export", "lab05") == 0
    assert "王五,20260004,一组,6,3,,,9,15," in (course.root / "export" / "lab05" / "spreadsheet.csv").read_text()
    assert command(course, "feedback", "lab05") == 0
    page = (course.root / "feedback" / "王五,4ff0820260004,4ff09" / "lab05" / "lab05.html").read_text()
    assert "lab05 说完了，还在听：王五（20260004）" in page
    assert "这是 李四（20260001） 交的一份" in page


def test_two_papers_of_one_team_are_asked_about_unless_the_platform_says_which_is_last(course, capsys):
    write(course.root / "roster.csv", ROSTER)
    Groups(GROUPS).keep_for(course, LAB)
    one = chaoxing(course, "20260001", "李四", ask="甲", attempt="2026-11-20T10:00:00+08:00", right=1)
    two = chaoxing(course, "20260004", "王五", ask="乙", attempt="2026-11-20T11:00:00+08:00", right=2)
    assert {line.total for line in by_student(course).values()} == {None}
    assert command(course, "groups", "lab05") == 0
    told = capsys.readouterr().out
    assert "  一组：李四、王五；李四（20260001）、王五（20260004） 各交了一份，内容不同，分不出先后；用 groups --counts" in told
    assert "  二组：张伟、张伟；没有交\n" in told
    assert command(course, "groups", "lab05", "--counts", "一组=李四") == 0
    assert {line.total for line in by_student(course).values()} == {5}
    for given in (one, two):
        course.save_paper(replace(given, timed=True))
    assert teams(course, LAB, course.papers(LAB), {})[0].counting == "20260004-王五"
    course.save_paper(replace(two, cells=one.cells))
    assert teams(course, LAB, course.papers(LAB), {})[0].question == "", "内容相同的算一份"
    assert command(course, "groups", "lab05", "--counts", "四组=李四") == 1
    assert "没有叫 四组 的组；有：一组、二组、三组。" in capsys.readouterr().err
    assert command(course, "groups", "lab05", "--counts", "三组=李四") == 1
    assert "李四 不在 三组 里，或者没有交 lab05。" in capsys.readouterr().err
    assert command(course, "groups", "lab05", "--none") == 0
    assert {line.team for line in by_student(course).values()} == {""}


def test_an_extension_for_one_is_for_the_team(course):
    write(course.root / "roster.csv", ROSTER)
    Groups(GROUPS).keep_for(course, LAB)
    chaoxing(course, "20260001", "李四", attempt="2026-11-21T10:00:00+08:00")
    Rules(Policy(rate=10), {"lab05": DUE}).save(course)
    assert {line.total for line in by_student(course).values()} == {13.5}
    assert command(course, "extend", "lab05", "王五", "--until", "2026-11-22T00:00+08:00") == 0
    assert {line.total for line in by_student(course).values()} == {15}, "王五没有交，他的宽限也是这一组的"


@pytest.mark.parametrize(("text", "said"), [
    ("姓名,学号\n李四,1\n", "没有“组”"), ("组,姓名\n一组,李四\n,王五\n", "王五 没有写是哪一组"),
    ("组,姓名\n一组,李四\n二组,李四\n", "李四 写在两组里：一组、二组"), ("组,人\n一组,李四\n", "没有找到表头"),
])
def test_a_table_of_groups_that_is_none(text, said):
    with pytest.raises(ValueError, match=said):
        Groups(text)


@pytest.mark.parametrize("text", [
    "name,canvas_user_id,user_id,login_id,sections,group_name,canvas_group_id,group_id\n李四,12,20260001,li,A,一组,5,\n",
    "First name,Last name,ID number,Email address,Groups\n四,李,20260001,li@x.cn,一组\n",
])
def test_tables_of_groups_the_platforms_export(text):
    member, = Groups(text).members
    assert (member.name, member.ids["number"], member.group) == ("李四", "20260001", "一组")


def test_the_class_roster_may_have_a_column_of_groups():
    assert [m.group for m in Roster("姓名,组\n李四,一组\n").members] == ["一组"]
