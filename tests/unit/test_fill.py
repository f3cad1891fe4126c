"""填平台导出的表：只动一列，别的一个字节也不动；平台的导入程序（``importers``）收它，改的正好是这些人的这一列。"""

from __future__ import annotations

import codecs
import csv
import io
import os
import random
from datetime import UTC, datetime

import pytest
from tests.unit import importers
from tests.unit.importers import CHINESE, ENGLISH, OLD_CHINESE, CanvasCourse, Refused

from sockscope.grading.__main__ import main
from sockscope.grading.course import export, standing
from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.course.fill import fill
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.names import escape
from sockscope.grading.course.roster import Roster
from sockscope.grading.course.sample import filled
from sockscope.grading.course.sheet import Sheet
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.verdict import Verdict

LAB = find_lab("lab05")
MOST = 15


@pytest.fixture
def course(tmp_path, monkeypatch):
    """一门课，书面题人人三分；不开 nbgrader。``given`` 里写了 None 的还没有看。"""
    monkeypatch.setenv("PATH", os.environ["PATH"])
    made = Course(tmp_path / "course")
    made.create()
    write(made.root / "source" / "lab05" / "lab05.ipynb", dumps(filled(LAB, model(LAB))))
    made.given = {}
    monkeypatch.setattr(standing.gradebook, "manual_scores", lambda course, lab: {
        s: {"why": made.given.get(s, 3.0)} for s in course.papers(lab)})
    monkeypatch.setattr("sockscope.grading.course.grade.abide", lambda course, lab: None)
    return made


def hand_in(course: Course, layout: str, name: str, number: str, right: int | None = 7) -> str:
    """交一份，前 ``right`` 项通过；None 是还没有批。全对 15 分，错一项少几分看它是哪一项。"""
    owner = {"chaoxing": f"{number}-{name}", "blackboard": number, "hand": name}.get(layout, f"{name}_{number}")
    student = escape(owner)
    one = Paper(student, "lab05", {"ask": owner}, {"why": "因为"}, owner=owner, name=name, id=number, layout=layout)
    course.save_paper(one)
    if right is not None:
        done = [Verdict(c.id, c.title, c.points, "passed" if n < right else "failed").json()
                for n, c in enumerate(LAB.checks.values())]
        course.save_result({"lab": "lab05", "student": student, "digest": one.digest, "verdicts": done})
    return student


def scores(course: Course) -> dict[str, float | None]:
    return {line.student: line.total for line in standing.lines(course, LAB)}


def sheet(tmp_path, name: str, data: bytes):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def refused(course: Course, path, **more) -> str:
    """填不了的那一句；什么也没有写。"""
    with pytest.raises(ValueError) as told:
        fill(course, LAB, path, **more)
    assert not list((course.root / "export").rglob("*.*"))
    said = str(told.value)
    assert said.endswith("。")
    assert "\n" not in said
    return said


# ---------------------------------------------------------------- Canvas

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Notes,lab04 回声 (11),lab05 说完了，还在听 (12),lab05x 别的 (13),"
    "作业 Current Score,Final Score\r\n"
    ",,,,,,,Manual Posting,,,\r\n"
    "    Points Possible,,,,,,10.00,15.00,10.00,(read only),(read only)\r\n"
    '"Wei, Zhao",101,20260001,zhao,"一班, 二班",,9.00,,,90,90\r\n'
    '"=HYPERLINK(""http://x"")",102,20260002,qian,一班,"两行\n的批语",,-,,,\r\n'
    '孙七,103,20260003,sun,一班,,8.5,12.00,,,\r\n'
    '李四,104,20260004,li,一班,,,,,,\r\n'
    '周同名,105,,,一班,,,N/A,,,\r\n'
    '"Student, Test",106,,9f,一班,,,,,,\r\n')
PLACE = CanvasCourse(
    {101: ("Zhao Wei", "Wei, Zhao", "20260001", "zhao"), 102: ('=HYPERLINK("http://x")',) * 2 + ("20260002", "qian"),
     103: ("孙七", "孙七", "20260003", "sun"), 104: ("李四", "李四", "20260004", "li"), 105: ("周同名", "周同名", "", ""),
     106: ("Test Student", "Student, Test", "", "9f")},
    {11: "lab04 回声", 12: "lab05 说完了，还在听", 13: "lab05x 别的"},
    {(101, 11): "9.0", (103, 11): "8.5", (103, 12): "12.0", (105, 12): "N/A"}, ("Notes",))
ENCODINGS = {"utf-8": (b"", "utf-8"), "bom": (codecs.BOM_UTF8, "utf-8"), "utf-16": (codecs.BOM_UTF16_LE, "utf-16-le"),
             "big": (codecs.BOM_UTF16_BE, "utf-16-be"), "gb18030": (b"", "gb18030")}


@pytest.fixture
def canvas(course):
    hand_in(course, "canvas", "weizhao", "101")
    hand_in(course, "canvas", "qian", "102", 0)
    hand_in(course, "canvas", "sunqi", "103", 3)
    return course


def test_canvas_takes_the_filled_sheet(canvas, tmp_path):
    data = CANVAS.encode()
    made = fill(canvas, LAB, sheet(tmp_path, "成绩.csv", data))
    out = made.path.read_bytes()
    got = importers.canvas(out, PLACE)
    assert got.created == []
    assert got.grades == {("Zhao Wei", PLACE.assignments[12]): "15", ('=HYPERLINK("http://x")', PLACE.assignments[12]): "3"}
    assert out == data.replace(b"9.00,,,90,90", b"9.00,15,,90,90").replace(b",-,,,", b",3,,,"), "别的一个字节也不动"
    assert made.path == canvas.root / "export" / "lab05" / "成绩.csv"
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in made.path.parent.iterdir()) == ["成绩.csv"]
    assert made.kept == ["孙七（20260003） 表里是 12.00，我们是 9"]
    assert made.absent == ["李四（20260004）", "周同名（105）"]
    assert made.lost == []


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_other_byte_stays(canvas, tmp_path, encoding, end):
    bom, codec = ENCODINGS[encoding]
    data = bom + CANVAS.replace("\r\n", end).encode(codec)
    out = fill(canvas, LAB, sheet(tmp_path, "x.csv", data), missing=0, overwrite=True).path.read_bytes()
    text = CANVAS.replace("9.00,,,90,90", "9.00,15,,90,90").replace(",-,,,", ",3,,,").replace("12.00", "9") \
        .replace("li,一班,,,,,,", "li,一班,,,0,,,").replace("N/A", "0").replace("\r\n", end)
    assert out == bom + text.encode(codec)


def test_canvas_can_write_the_names_in_two_columns(course, tmp_path):
    """姓、名两列的导出；测试学生不是没有交的人。"""
    hand_in(course, "hand", "张三", "")
    data = ("LastName,FirstName,ID,SIS Login ID,Section,lab05 (12)\r\nPoints Possible,,,,,15\r\n"
            "张,三,101,z,一班,\r\n李,四,102,l,一班,\r\nStudent,Test,106,9f,一班,\r\n").encode()
    made = fill(course, LAB, sheet(tmp_path, "x.csv", data), missing=0)
    assert made.path.read_bytes() == data.replace(b"z,\xe4\xb8\x80\xe7\x8f\xad,", b"z,\xe4\xb8\x80\xe7\x8f\xad,15") \
        .replace(b"l,\xe4\xb8\x80\xe7\x8f\xad,", b"l,\xe4\xb8\x80\xe7\x8f\xad,0")
    assert made.absent == ["李四（l）"]


def test_a_sheet_without_its_last_newline_and_one_with_semicolons(canvas, tmp_path):
    for text in (CANVAS.rstrip(), CANVAS.replace(",", ";").replace("15.00", "15,00")):
        data = text.encode()
        out = fill(canvas, LAB, sheet(tmp_path, "x.csv", data)).path.read_bytes()
        assert len(out) == len(data) + 2
        assert importers.canvas(out, PLACE).grades["Zhao Wei", PLACE.assignments[12]] == "15"


def test_filled_twice_is_the_same(canvas, tmp_path):
    once = fill(canvas, LAB, sheet(tmp_path, "x.csv", CANVAS.encode()), overwrite=True).path.read_bytes()
    again = fill(canvas, LAB, sheet(tmp_path, "x.csv", once.replace(b"9.00,15,", b"9.00,15.00,")))
    assert (again.wrote, again.kept) == (0, [])


def test_an_id_goes_before_a_name_and_a_name_with_another_id_is_another_person(canvas, tmp_path):
    """名字对调：看号。名字相同、号不同的，不是他。"""
    hand_in(canvas, "canvas", "zhoutongming", "999")
    text = CANVAS.replace("周同名,105", "zhoutongming,105").replace('"Wei, Zhao",101', '孙七,101') \
        .replace("孙七,103", '"Wei, Zhao",103')
    made = fill(canvas, LAB, sheet(tmp_path, "x.csv", text.encode()), overwrite=True)
    rows = list(csv.reader(io.StringIO(made.path.read_text())))
    assert [r[7] for r in rows[3:]] == ["15", "3", "9", "", "N/A", ""]
    assert made.lost == ["zhoutongming（999）：表里没有找到他"]


@pytest.mark.parametrize(("asked", "text"), [
    ("", CANVAS.replace("lab05x 别的", "Lab05-重做")), ("", CANVAS.replace("lab05 说完了，还在听", "第五次作业")),
    ("lab06", CANVAS), ("Final Score", CANVAS), ("Student", CANVAS), ("Notes", CANVAS), ("101", CANVAS)])
def test_a_column_that_cannot_be_told_is_asked(canvas, tmp_path, asked, text):
    said = refused(canvas, sheet(tmp_path, "x.csv", text.encode()), column=asked)
    assert "是哪一列？用 --column" in said
    assert "第 8 列" in said


@pytest.mark.parametrize("asked", ["12", "第8列", "第 8 列", "lab05 说完了，还在听", "LAB05 说完了，还在听 (12)"])
def test_a_column_is_named_by_its_title_its_number_or_its_place(canvas, tmp_path, asked):
    text = CANVAS.replace("lab05x 别的", "lab05 别的")
    assert fill(canvas, LAB, sheet(tmp_path, "x.csv", text.encode()), column=asked).wrote == 2


def test_another_maximum_is_refused_or_scaled(canvas, tmp_path):
    path = sheet(tmp_path, "x.csv", CANVAS.replace("15.00", "100.00").encode())
    assert "满分是 100，我们的 lab05 满分 15" in refused(canvas, path)
    assert b"9.00,100,,90" in fill(canvas, LAB, path, scale=True).path.read_bytes()
    assert "换算不了" in refused_again(canvas, sheet(tmp_path, "y.csv", CANVAS.replace("15.00", "0.00").encode()), scale=True)


def refused_again(course, path, **more) -> str:
    with pytest.raises(ValueError) as told:
        fill(course, LAB, path, **more)
    return str(told.value)


def test_without_a_row_of_maximums_it_says_so(canvas, tmp_path):
    text = CANVAS.replace(CANVAS.splitlines(keepends=True)[2], "")
    assert "没有写满分" in "".join(fill(canvas, LAB, sheet(tmp_path, "x.csv", text.encode())).said())


# ---------------------------------------------------------------- 谁的、几分

def test_nothing_that_is_not_yet_known_is_filled(canvas, tmp_path):
    """书面题没有看的、交了没有批的：空着，``--missing`` 也不给零分。"""
    canvas.given[escape("weizhao_101")] = None
    hand_in(canvas, "canvas", "lisi", "104", None)
    made = fill(canvas, LAB, sheet(tmp_path, "x.csv", CANVAS.encode()), missing=0)
    assert made.absent == ["周同名（105）"]
    assert made.waiting == 2
    rows = list(csv.reader(io.StringIO(made.path.read_text())))
    assert [r[7] for r in rows[3:]] == ["", "3", "12.00", "", "N/A", ""]


def test_missing_waits_until_everyone_is_found(canvas, tmp_path):
    """有一份没有对上，也许就是空着的那一行的人；号已经说明他不在表里的，不算。"""
    gone = hand_in(canvas, "canvas", "退课的", "999")
    path = sheet(tmp_path, "x.csv", CANVAS.encode())
    assert b",li,\xe4\xb8\x80\xe7\x8f\xad,,,0,,," in fill(canvas, LAB, path, missing=0).path.read_bytes()
    (canvas.root / "results" / "lab05" / f"{gone}.json").unlink()
    (canvas.root / "collected" / "lab05" / f"{gone}.json").unlink()
    hand_in(canvas, "hand", "小李", "")
    made = fill(canvas, LAB, path, missing=0)
    assert made.path.read_bytes() == CANVAS.replace("9.00,,,90", "9.00,15,,90").replace(",-,,,", ",3,,,").encode()
    assert any("--missing 没有用" in said for said in made.said())


def test_two_papers_for_one_row_and_two_rows_for_one_paper(course, tmp_path):
    hand_in(course, "hand", "张三", "")
    hand_in(course, "chaoxing", "张三", "20260001", 0)
    hand_in(course, "hand", "李四", "")
    data = "学号,姓名,lab05\n20260001,张三,\n20260002,李四,\n20260003,李四,\n".encode()
    made = fill(course, LAB, sheet(tmp_path, "x.csv", data), missing=0)
    assert made.path.read_bytes() == data
    assert made.lost == ["李四：表里像他的不止一行，第 3、4 行", "张三（20260001）：2 份答卷都像他的"]
    assert made.absent == []


def test_the_roster_ties_a_paper_to_a_row(course, tmp_path):
    """手工收的只有名字；名单上有学号，表里只有学号。"""
    hand_in(course, "hand", "张三", "")
    data = "学号,lab05\n20260009,\n".encode()
    path = sheet(tmp_path, "x.csv", data)
    assert fill(course, LAB, path).lost == ["张三：表里没有找到他"]
    Roster("学号,姓名\n20260009,张三\n").keep(course)
    assert fill(course, LAB, path).path.read_bytes() == data.replace(b"9,\n", b"9,15\n")


# ---------------------------------------------------------------- Moodle

def worksheet(words, rows, extra=""):
    head = f"{words.identifier},Full name,Email address,Status,{words.grade},{words.most},Grade can be changed," \
           f"Last modified (submission),{words.modified},Feedback comments\n"
    if words is not ENGLISH:
        head = head.replace("Full name", "全名").replace("Email address", "电子邮件地址").replace("Status", "状态")
    return (head + "".join(f'{words.participant}{n},{name},{n}@x.cn,已提交,{grade},{most},Yes,"{WHEN}","{when}",'
                           f'"<p>好""极了""</p>\n{extra}"\n' for n, name, grade, most, when in rows)).encode()


WHEN = "Sunday, 29 November 2026, 10:00 AM"
ROWS = [(7, "张三", "", "15.00", ""), (8, "李四", "12.00", "15.00", WHEN), (9, "王五", "", "15.00", "")]


@pytest.mark.parametrize("words", [ENGLISH, CHINESE, OLD_CHINESE], ids=["english", "chinese", "old"])
@pytest.mark.parametrize("bom", [b"", codecs.BOM_UTF8])
def test_moodle_takes_the_filled_worksheet(course, tmp_path, words, bom):
    hand_in(course, "moodle", "张三", "7")
    hand_in(course, "moodle", "李四", "8", 0)
    data = bom + worksheet(words, ROWS, "=1+1")
    made = fill(course, LAB, sheet(tmp_path, "成绩-网络-lab05-12.csv", data), overwrite=True)
    out = made.path.read_bytes()
    assert made.platform == "moodle"
    got = importers.moodle(out, {"7": "张三", "8": "李四", "9": "王五"}, MOST, words,
                           {"李四": (12.0, datetime(2026, 11, 29, 10, 0, tzinfo=UTC))}, ignore_modified=words is not ENGLISH)
    assert got.grades == {("张三", words.grade): "15", ("李四", words.grade): "3"}
    assert out == data.replace("提交,,".encode(), "提交,15,".encode(), 1).replace(b"12.00", b"3")


def test_a_worksheet_of_another_lab_is_asked(course, tmp_path):
    hand_in(course, "moodle", "张三", "7")
    path = sheet(tmp_path, "Grades-net-lab06-12.csv", worksheet(ENGLISH, ROWS))
    assert "像是 lab06 的评分工作表" in refused(course, path)
    assert fill(course, LAB, path, column="Grade").wrote == 1


def test_a_scale_is_not_a_score(course, tmp_path):
    hand_in(course, "moodle", "张三", "7")
    text = worksheet(ENGLISH, ROWS).replace(b"Maximum Grade", b"Scale").replace(b"15.00", b"\xe4\xbc\x98")
    assert "等级评分" in refused(course, sheet(tmp_path, "x.csv", text))


def test_more_than_the_maximum_is_said(course, tmp_path):
    course.given[hand_in(course, "moodle", "张三", "7")] = 4.0
    made = fill(course, LAB, sheet(tmp_path, "x.csv", worksheet(ENGLISH, ROWS)))
    assert any("比满分高，Moodle 会跳过：张三" in said for said in made.said())
    assert importers.moodle(made.path.read_bytes(), {"7": "张三"}, MOST).grades == {}


# ---------------------------------------------------------------- Blackboard 与别的

BLACKBOARD = ['"Last Name"', '"First Name"', '"Username"', '"Student ID"', '"Last Access"', '"Availability"',
              '"lab05 [Total Pts: 15 Score] |12345"', '"lab06 [Total Pts: up to 10 Score] |12346"']
STUDENTS = [['"张"', '"三"', '"zhang_3"', '"20260001"', '"2026-11-29"', '"Yes"', '""', '"7"'],
            ['"李"', '"四"', '"li4"', '"20260002"', '""', '"Yes"', '"Needs Grading"', '""'],
            ['"王"', '"五"', '"w5"', '"20260003"', '""', '"Yes"', '"Needs Grading(9.00)"', '""']]


@pytest.mark.parametrize(("name", "delimiter", "bom", "codec"), [
    ("gc_net.xls", "\t", codecs.BOM_UTF16_LE, "utf-16-le"), ("gc_net.csv", ",", b"", "utf-8"),
    ("gc_b.csv", ",", codecs.BOM_UTF8, "utf-8")])
def test_blackboard_takes_the_filled_download(course, tmp_path, name, delimiter, bom, codec):
    for who, number in (("张三", "zhang_3"), ("李四", "li4"), ("王五", "w5")):
        hand_in(course, "blackboard", who, number)
    data = bom + "".join(delimiter.join(row) + "\n" for row in [BLACKBOARD, *STUDENTS]).encode(codec)
    made = fill(course, LAB, sheet(tmp_path, name, data))
    out = made.path.read_bytes()
    got = importers.blackboard(out, {"zhang_3": "张三", "li4": "李四", "w5": "王五"}, {"12345": "lab05", "12346": "lab06"})
    assert got.created == []
    assert got.grades == {("张三", "lab05"): "15", ("李四", "lab05"): "15", ("张三", "lab06"): "7"}
    assert out == bom + "".join(delimiter.join(row) + "\n" for row in [BLACKBOARD, *STUDENTS]).replace(
        '"Yes"' + delimiter + '""', '"Yes"' + delimiter + '"15"', 1).replace('"Needs Grading"', '"15"').encode(codec)
    assert made.kept == ["王五（20260003） 表里是 Needs Grading(9.00)，我们是 15"]
    assert "[Total Pts: 15 Score]" in made.column


def test_any_sheet_with_people_and_a_named_column(course, tmp_path):
    hand_in(course, "chaoxing", "张三", "20260001")
    data = "网络程序设计 成绩\r\n\r\n序号,学号,姓名,作业5\r\n1,20260001,张三,\r\n2,20260002,李四,\r\n".encode("gb18030")
    path = sheet(tmp_path, "x.csv", data)
    assert "“作业5”" in refused(course, path)
    made = fill(course, LAB, path, column="作业5", missing=0)
    assert made.path.read_bytes() == data.replace("张三,".encode("gb18030"), "张三,15".encode("gb18030")) \
        .replace("李四,".encode("gb18030"), "李四,0".encode("gb18030"))


# ---------------------------------------------------------------- 不像样的表

HOSTILE = {
    "xlsx": (b"PK\x03\x04 whatever", "另存为 CSV"), "xls": (b"\xd0\xcf\x11\xe0 whatever", "另存为 CSV"),
    "binary": (bytes(range(256)) * 40, ""), "nul": (b"Student,ID,lab05\n\0a,1,\n", "不是文字"), "empty": (b"", "没有找到表头"),
    "prose": ("这不是表格。\n".encode(), "没有找到表头"), "no head": (b"1,2,3\n4,5,6\n", "没有找到表头"),
    "only people": ("学号,姓名\n1,张三\n".encode(), "没有可以填分的列"), "nobody": ("学号,姓名,lab05\n".encode(), "一个人也没有"),
    "half utf-16": (codecs.BOM_UTF16_LE + b"a", "编码"), "open quote": ('姓名,lab05\n"张三,\n李四,\n'.encode(), "引号"),
    "short row": ("姓名,批语,lab05\n张三\n".encode(), "比表头短"),
    "long field": (f"姓名,lab05\n{'x' * 200_000},\n".encode(), "第 2 行有一格 200000 个字"),
    "long head": (f"姓名,{'[1' * 60_000},{' ' * 130_000}(,{'1' * 130_000}\n张三,,,\n".encode(), "没有 lab05"),
    "two columns": ("姓名,lab05,lab05\n张三,,\n".encode(), "不止一列"),
    "late head": (b"\n" * 12 + "姓名,lab05\n张三,\n".encode(), "没有找到表头"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_sheet_that_is_none_is_one_sentence(course, tmp_path, kind):
    hand_in(course, "hand", "张三", "")
    hand_in(course, "hand", "张三,\n李四,", "")
    data, why = HOSTILE[kind]
    said = refused(course, sheet(tmp_path, "x.csv", data))
    assert why in said
    assert len(said) < 300


def test_a_huge_one_a_missing_one_a_folder_and_a_pipe(course, tmp_path):
    hand_in(course, "hand", "张三", "")
    with open(tmp_path / "huge.csv", "wb") as file:
        file.truncate((16 << 20) + 1)
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "太大" in refused(course, tmp_path / "huge.csv")
    for name in ("none.csv", "folder.csv", "pipe.csv"):
        assert "打不开" in refused(course, tmp_path / name)


def test_our_own_tables_are_not_filled(canvas, tmp_path):
    assert "是我们写的" in refused(canvas, sheet(tmp_path, "canvas.csv", CANVAS.encode()))
    made = fill(canvas, LAB, sheet(tmp_path, "x.csv", CANVAS.encode()))
    before = made.path.read_bytes()
    assert "是我们写的" in refused_again(canvas, made.path)
    assert made.path.read_bytes() == before


def test_a_lab_that_nobody_was_graded_in(course, tmp_path):
    assert "先 grade lab05" in refused(course, sheet(tmp_path, "x.csv", CANVAS.encode()))


@pytest.mark.parametrize("seed", range(40))
def test_any_sheet_is_cut_as_csv_reads_it(seed):
    """随便的格子：不改就一个字节不差，改一格就只有那一格变。"""
    choice = random.Random(seed)
    delimiter, end = choice.choice(",\t;"), choice.choice(["\r\n", "\n", "\r"])
    alphabet = ["a", "张", '"', ",", "\t", ";", "\n", "\r", " ", "'", "=", ""]
    words = ["".join(choice.choices(alphabet, k=choice.randrange(6))) for _ in range(24)]
    table = [["姓名", "x", "y"], *(words[n:n + 3] for n in range(0, 24, 3))]
    text = io.StringIO(newline="")
    quoting = choice.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]) if end == "\r\n" else csv.QUOTE_ALL  # 写的人只给自己的换行加引号
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(table)
    data = text.getvalue().encode()
    made = Sheet("x.csv", data)
    assert made.replaced({}) == data
    row = choice.randrange(1, 9)
    table[row][1] = "13.5"
    assert list(csv.reader(io.StringIO(made.replaced({(row, 1): "13.5"}).decode(), newline=""), delimiter=delimiter)) == table


# ---------------------------------------------------------------- 命令，和不填时的三份

def test_the_command_says_what_it_did(canvas, tmp_path, capsys):
    path = sheet(tmp_path, "x.csv", CANVAS.encode())
    run = ["--course", str(canvas.root), "export", "lab05"]
    assert main([*run, "--fill", str(path)]) == 0
    said = capsys.readouterr().out
    assert "第 8 列“lab05 说完了，还在听 (12)”填了 2 格，别的照原样。" in said
    assert "没有改：孙七（20260003） 表里是 12.00，我们是 9。要改，加 --overwrite" in said
    assert "表里有 2 个人没有交：李四（20260004）、周同名（105）。" in said
    assert "在 Canvas 的成绩册里导入它" in said
    assert main([*run, "--missing", "0"]) == 1
    assert "要与 --fill 一起用" in capsys.readouterr().err
    assert main([*run, "--fill", str(tmp_path / "none.csv")]) == 1
    assert "打不开" in capsys.readouterr().err
    for wrong in ("-1", "nan", "x"):
        with pytest.raises(SystemExit):
            main([*run, "--fill", str(path), "--missing", wrong])
        assert "Traceback" not in capsys.readouterr().err


def test_canvas_takes_our_own_table(canvas):
    """标题相同的作业认得出；没有就新建；人靠号认，不靠名字。"""
    path = next(p for p in export.export(canvas, LAB) if p.name == "canvas.csv")
    got = importers.canvas(path.read_bytes(), PLACE)
    assert got.created == []
    assert got.grades == {(name, PLACE.assignments[12]): score for name, score in
                          (("Zhao Wei", "15"), ('=HYPERLINK("http://x")', "3"), ("孙七", "9"))}
    assert importers.canvas(path.read_bytes(), CanvasCourse(PLACE.students, {})).created == ["lab05 说完了，还在听"]


def test_a_blank_in_our_own_table_empties_a_score_and_in_the_filled_sheet_it_does_not(canvas, tmp_path):
    canvas.given[escape("sunqi_103")] = None
    ours = next(p for p in export.export(canvas, LAB) if p.name == "canvas.csv").read_bytes()
    theirs = fill(canvas, LAB, sheet(tmp_path, "x.csv", CANVAS.encode())).path.read_bytes()
    who = "孙七", PLACE.assignments[12]
    assert importers.canvas(ours, PLACE).grades[who] == ""
    assert who not in importers.canvas(theirs, PLACE).grades


def test_a_number_of_another_platform_is_nobody_on_canvas(course, capsys):
    """Moodle 的参与者 101 不是 Canvas 的 101；像公式的名字靠号认得出。"""
    hand_in(course, "moodle", "李四", "101")
    hand_in(course, "chaoxing", "=1+1", "20260002", 0)
    canvas, moodle, _ = export.export(course, LAB)
    got = importers.canvas(canvas.read_bytes(), PLACE)
    assert {who for who, _ in got.grades} == {"李四", '=HYPERLINK("http://x")'}
    assert importers.moodle(moodle.read_bytes(), {"101": "李四", "20260002": "别人"}, MOST).grades == {("李四", "Grade"): "15"}
    assert main(["--course", str(course.root), "export", "lab05"]) == 0
    said = capsys.readouterr().out
    assert "空着的也算要改。\n    1 个人没有它认得的号，要靠名字一字不差：李四。" in said
    assert "勾“允许更新”。\n    1 个人没有它认得的号，它会跳过：=1+1。" in said


def test_moodle_takes_our_own_table_when_its_words_are_english(course):
    course.given[hand_in(course, "moodle", "王五", "9")] = None
    hand_in(course, "moodle", "=张三", "7")
    path = next(p for p in export.export(course, LAB) if p.name == "moodle.csv")
    users = {"7": "=张三", "9": "王五"}
    assert importers.moodle(path.read_bytes(), users, MOST).grades == {("=张三", "Grade"): "15"}
    with pytest.raises(Refused):
        importers.moodle(path.read_bytes(), users, MOST, CHINESE)
    before = {"=张三": (3.0, datetime(2026, 11, 29, tzinfo=UTC))}
    assert importers.moodle(path.read_bytes(), users, MOST, graded=before).grades == {}
    assert importers.moodle(path.read_bytes(), users, MOST, graded=before, ignore_modified=True).grades
