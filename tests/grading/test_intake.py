"""谁交了什么：各家平台的布局，一批送来的文件 → 每一份是谁的，什么放在一边，为什么。"""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from datetime import datetime
from functools import cache

import pytest

from sockscope.grading.__main__ import main
from sockscope.grading.course import delivery
from sockscope.grading.course.collect import Choices, Collected, collect, settle
from sockscope.grading.course.course import Course
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.lateness import lateness
from sockscope.grading.course.layouts import Ambiguous
from sockscope.grading.course.names import alike, another, escape, printable, skeleton, unescape, visible
from sockscope.grading.course.roster import Roster
from sockscope.grading.course.rules import Rules
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab

LAB = find_lab("lab05")
MOODLE = "_assignsubmission_file"


@pytest.fixture(autouse=True, scope="session")
def cable():
    """收卷不用网线：代替 conftest 里的那一个。"""


@cache
def book(text: str) -> bytes:
    return json.dumps(filled(LAB, model(LAB), written=text), ensure_ascii=False).encode()


def packed(files: dict[str, str | bytes], day: int = 19) -> bytes:
    """一个 zip：路径 → 书面题里的一句话（或原样的字节）。"""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, day, 8, 0, 0)), book(text) if isinstance(text, str) else text,
                             zipfile.ZIP_DEFLATED)
    return held.getvalue()


def got(tmp_path, files: dict[str, str | bytes], name: str = "all.zip", **choices) -> Collected:
    (tmp_path / name).write_bytes(packed(files))
    return collect(tmp_path / name, LAB, ["why"], choices=Choices(**choices))


def whose(found: Collected) -> dict[str, str]:
    """平台写的人 → 收下的那一份里写的一句话。"""
    return {paper.owner: paper.written["why"] for paper in found.papers.values()}


# 名字 → (送来的文件：路径 → 里面的一句话, 应当是谁的：人 → 那一句话, 放在一边的路径)
CASES: dict[str, tuple[dict[str, str | bytes], dict[str, str], set[str]]] = {
    "moodle": ({f"张三_1000{MOODLE}/lab05.ipynb": "a", f"李四_1001{MOODLE}/lab05.ipynb": "b"},
               {"张三_1000": "a", "李四_1001": "b"}, set()),
    "moodle: a nested folder named like a classmate's":
        ({f"李四_1001{MOODLE}/lab05.ipynb": "李四的", f"张三_1000{MOODLE}/李四_1001{MOODLE}/lab05-9.ipynb": "张三的"},
         {"张三_1000": "张三的", "李四_1001": "李四的"}, set()),
    "moodle: the same, and the classmate handed in nothing":
        ({f"张三_1000{MOODLE}/李四_1001{MOODLE}/lab05-9.ipynb": "张三的", f"王五_1002{MOODLE}/x.ipynb": "c"},
         {"张三_1000": "张三的", "王五_1002": "c"}, set()),
    "moodle: an older version's folder ends in an underscore":
        ({f"Li Si_1001{MOODLE}_/lab05.ipynb": "b"}, {"Li Si_1001": "b"}, set()),
    "moodle: flat": ({f"张三_1000{MOODLE}_lab05.ipynb": "a", f"O'Brien_1001{MOODLE}_lab05.ipynb": "b"},
                     {"张三_1000": "a", "O'Brien_1001": "b"}, set()),
    "moodle: flat, a file named like a classmate's":
        ({f"张三_1000{MOODLE}_李四_1001{MOODLE}_lab05.ipynb": "a", f"李四_1001{MOODLE}_lab05.ipynb": "b"},
         {"张三_1000": "a", "李四_1001": "b"}, set()),
    "moodle: wrapped in a folder that is nobody":
        ({f"submissions/张三_1000{MOODLE}/lab05.ipynb": "a", f"submissions/李四_1001{MOODLE}/lab05.ipynb": "b"},
         {"张三_1000": "a", "李四_1001": "b"}, set()),
    "moodle: the student's own number decides nothing":
        ({f"张三_1000{MOODLE}/lab05-9-1.ipynb": "旧的", f"张三_1000{MOODLE}/lab05(10).ipynb": "新的"},
         {}, {f"张三_1000{MOODLE}/lab05-9-1.ipynb", f"张三_1000{MOODLE}/lab05(10).ipynb"}),
    "moodle: the same paper twice is one paper":
        ({f"张三_1000{MOODLE}/lab05.ipynb": "a", f"张三_1000{MOODLE}/备份/lab05 (2).ipynb": "a"}, {"张三_1000": "a"}, set()),
    "moodle: two of the same name":
        ({f"张三_1000{MOODLE}/lab05.ipynb": "a", f"张三_1001{MOODLE}/lab05.ipynb": "b"},
         {"张三_1000": "a", "张三_1001": "b"}, set()),
    "moodle: blind": ({f"Participant_1000{MOODLE}/lab05.ipynb": "a"}, {"Participant_1000": "a"}, set()),
    "moodle: a zip of the student's":
        ({f"张三_1000{MOODLE}/hw.zip": packed({f"李四_1001{MOODLE}/lab05.ipynb": "a"}), f"李四_1001{MOODLE}/lab05.ipynb": "b"},
         {"张三_1000": "a", "李四_1001": "b"}, set()),
    "moodle: flat, a zip of the student's":
        ({f"张三_1000{MOODLE}_hw.zip": packed({"lab05.ipynb": "a"}), f"李四_1001{MOODLE}_lab05.ipynb": "b"},
         {"张三_1000": "a", "李四_1001": "b"}, set()),
    "canvas": ({"lisi_12345_700_lab05.ipynb": "a", "wangwu_LATE_12346_701_lab05-2.ipynb": "b"},
               {"lisi_12345": "a", "wangwu_12346": "b"}, set()),
    "canvas: the later attachment counts, not the student's own number":
        ({"li_5_11_lab05.ipynb": "后传的", "li_5_10_lab05-9.ipynb": "先传的"}, {"li_5": "后传的"}, set()),
    "canvas: a file named like a classmate's":
        ({"li_5_10_wang_6_99_lab05.ipynb": "a", "wang_6_12_lab05.ipynb": "b"}, {"li_5": "a", "wang_6": "b"}, set()),
    "canvas: anonymous": ({"anon_AbC12_700_lab05.ipynb": "a", "LATE_anon_xYz99_701_lab05.ipynb": "b"},
                          {"anon_AbC12": "a", "anon_xYz99": "b"}, set()),
    "blackboard": ({"lab05_li_attempt_2026-11-20-08-00-00_x.ipynb": "a",
                    "lab05_wu_attempt_2026-11-20-09-00-00_x.ipynb": "b"},
                   {"li": "a", "wu": "b"}, set()),
    "blackboard: the newest attempt by Blackboard's time":
        ({"lab05_li_attempt_2026-11-20-23-59-01_lab05.ipynb": "新的",
          "lab05_li_attempt_2026-11-19-23-59-01_lab05-9.ipynb": "旧的",
          "lab05_wu_attempt_2026-11-20-09-00-00_x.ipynb": "b"}, {"li": "新的", "wu": "b"}, set()),
    "blackboard: a file named like a later attempt of a classmate's":
        ({"lab05_li_attempt_2026-11-20-08-00-00_lab05_wu_attempt_2027-01-01-00-00-00_x.ipynb": "a",
          "lab05_wu_attempt_2026-11-20-09-00-00_x.ipynb": "b"}, {"li": "a", "wu": "b"}, set()),
    "blackboard: two files in one attempt":
        ({"lab05_li_attempt_2026-11-20-08-00-00_a.ipynb": "a", "lab05_li_attempt_2026-11-20-08-00-00_b.ipynb": "b"}, {},
         {"lab05_li_attempt_2026-11-20-08-00-00_a.ipynb", "lab05_li_attempt_2026-11-20-08-00-00_b.ipynb"}),
    "blackboard: the sheet says who, underscores and all":
        ({"lab05_li_si_attempt_2026-11-20-08-00-00_x.ipynb": "a",
          "lab05_li_si_attempt_2026-11-20-08-00-00.txt": "Name: 李四 (li_si)\nAssignment: lab05\n".encode()},
         {"li_si": "a"}, set()),
    "blackboard: no sheet, an underscore in one name":
        ({"lab05_li_si_attempt_2026-11-20-08-00-00_x.ipynb": "a", "lab05_wu_attempt_2026-11-20-08-00-00_x.ipynb": "b"},
         {"li_si": "a", "wu": "b"}, set()),
    "blackboard: a student's own sheet is not one":
        ({"lab05_li_attempt_2026-11-20-08-00-00_x.ipynb": "a", "lab05_wu_attempt_2026-11-20-08-00-00_x.ipynb": "b",
          "lab05_li_attempt_2026-11-20-08-00-00_lab05_wu_attempt_2026-11-20-08-00-00.txt": b"Name: x (wu)\n"},
         {"li": "a", "wu": "b"}, set()),
    "blackboard: a sheet in a student's own folder is not one":
        ({"lab05_li_si_attempt_2026-11-20-08-00-00_x.ipynb": "a", "lab05_wu_attempt_2026-11-20-08-00-00_x.ipynb": "b",
          "lab05_wu_attempt_2026-11-20-08-00-00_own/lab05_li_si_attempt_2026-11-20-08-00-00.txt": b"Name: x (si)\n"},
         {"li_si": "a", "wu": "b"}, set()),
    "chaoxing: one zip a student":
        ({"10254700432-张三.zip": packed({"lab05.ipynb": "a"}), "10254700433-李四.zip": packed({"答案/lab05.ipynb": "b"})},
         {"10254700432-张三": "a", "10254700433-李四": "b"}, set()),
    "chaoxing: unpacked, a folder named like a classmate's":
        ({"10254700432-张三/10254700433-李四/lab05.ipynb": "a", "10254700433-李四/lab05.ipynb": "b"},
         {"10254700432-张三": "a", "10254700433-李四": "b"}, set()),
    "exchange": ({"li+lab05+2026-11-20 08:00:00.1 UTC+abc/lab05.ipynb": "旧的",
                  "a+b+lab05+2026-11-20 08:00:00.1 UTC/lab05.ipynb": "b",
                  "li+lab05+2026-11-20 09:00:00.1 UTC+def/lab05-0.ipynb": "新的"}, {"li": "新的", "a+b": "b"}, set()),
    "folders: a folder of the lab in each": ({"张三/lab05/lab05.ipynb": "a", "李四/lab05/x.ipynb": "b"},
                                             {"张三": "a", "李四": "b"}, set()),
    "blackboard: a sheet beside only one of two attempts":
        ({"lab05_li_attempt_2026-11-19-08-00-00_x.ipynb": "旧的", "lab05_li_attempt_2026-11-20-08-00-00_x.ipynb": "新的",
          "lab05_li_attempt_2026-11-19-08-00-00.txt": b"Name: Li Si (li)\n"}, {"li": "新的"}, set()),
    "submitted": ({"submitted/li/lab05/lab05.ipynb": "a", "submitted/wu/lab05/lab05.ipynb": "b",
                   "submitted/li/lab05/timestamp.txt": b"2026-11-20 08:00:00.1 UTC"}, {"li": "a", "wu": "b"}, set()),
    "folders": ({"张三/lab05.ipynb": "a", "李四/lab05.ipynb": "b"}, {"张三": "a", "李四": "b"}, set()),
    "folders: a nested folder named like a classmate's":
        ({"李四/lab05.ipynb": "b", "张三/李四/lab05-9.ipynb": "a"}, {"张三": "a", "李四": "b"}, set()),
    "folders: a nested folder named as Moodle does":
        ({"李四/lab05.ipynb": "b", f"张三/李四_1001{MOODLE}/lab05.ipynb": "a"}, {"张三": "a", "李四": "b"}, set()),
    "folders: spaces and underscores are different people":
        ({"张 三/lab05.ipynb": "a", "张_三/lab05.ipynb": "b"}, {"张 三": "a", "张_三": "b"}, set()),
    "folders: quotes": ({"O'Brien/x.ipynb": "a", "O Brien/x.ipynb": "b", "O’Brien/x.ipynb": "c"},
                        {"O'Brien": "a", "O Brien": "b", "O’Brien": "c"}, set()),
    "folders: zero-width and no-break spaces":
        ({"张三/x.ipynb": "a", "张\u200b三/x.ipynb": "b", "张\u00a0三/x.ipynb": "c", "张 三/x.ipynb": "d"},
         {"张三": "a", "张\u200b三": "b", "张\u00a0三": "c", "张 三": "d"}, set()),
    "folders: a space at an end": ({"张三/x.ipynb": "a", "张三\u00a0/x.ipynb": "b", " 张三/x.ipynb": "c"},
                                  {"张三": "a", "张三\u00a0": "b", " 张三": "c"}, set()),
    "blackboard: one sheet tells the title of all":
        ({"lab05_li_si_attempt_2026-11-20-08-00-00_x.ipynb": "a", "lab05_li_wu_attempt_2026-11-20-08-00-00_x.ipynb": "b",
          "lab05_li_wu_attempt_2026-11-20-08-00-00.txt": b"Name: Li Wu (li_wu)\n"}, {"li_si": "a", "li_wu": "b"}, set()),
    "folders: signs": ({"+1/x.ipynb": "a", "·=1/x.ipynb": "b", "=1/x.ipynb": "c", "1/x.ipynb": "d"},
                       {"+1": "a", "·=1": "b", "=1": "c", "1": "d"}, set()),
    "folders: composed and decomposed": ({"é/x.ipynb": "a", "e\u0301/x.ipynb": "b"}, {"é": "a", "e\u0301": "b"}, set()),
    "folders: upper and lower case": ({"Li/x.ipynb": "a", "li/x.ipynb": "b"}, {"Li": "a", "li": "b"}, set()),
    "folders: wrapped in a folder named like the lab":
        ({"Lab05/张三/lab05.ipynb": "a", "Lab05/李四/李四/lab05.ipynb": "b"}, {"张三": "a", "李四": "b"}, set()),
    "by hand": ({"2023001 张三 lab05.ipynb": "a", "lab05_王五.ipynb": "b", "李四-Lab05 (3).ipynb": "c"},
                {"2023001 张三": "a", "王五": "b", "李四": "c"}, set()),
    "by hand: a student number is no attempt": ({"lab05-20230101.ipynb": "a", "lab05-20230102.ipynb": "b"},
                                                {"20230101": "a", "20230102": "b"}, set()),
    "by hand: a copy is not the newer one":
        ({"王五_lab05.ipynb": "a", "王五_lab05 (1).ipynb": "b"}, {}, {"王五_lab05.ipynb", "王五_lab05 (1).ipynb"}),
    "by hand: nobody's": ({"lab05.ipynb": "a", "李四_lab05.ipynb": "b"}, {"李四": "b"}, {"lab05.ipynb"}),
    "backslashes": ({"张三\\lab05.ipynb": "a", "李四\\lab05.ipynb": "b"}, {"张三": "a", "李四": "b"}, set()),
}


QUOTES = CASES["folders: quotes"]


@pytest.mark.parametrize("case", CASES)
def test_every_paper_has_its_owner(tmp_path, case):
    files, people, aside = CASES[case]
    found = got(tmp_path, files)
    assert whose(found) == people
    assert {path for path, _ in found.aside} == aside
    assert len({paper.student.casefold() for paper in found.papers.values()}) == len(people)


@pytest.mark.parametrize("case", ["moodle: a nested folder named like a classmate's", "folders: quotes", "by hand"])
def test_a_folder_is_read_as_the_zip_is(tmp_path, case):
    files, people, _ = CASES[case]
    for path, text in files.items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(book(text))
    assert whose(collect(tmp_path / "in", LAB, ["why"])) == people


def test_a_folder_named_in_gbk_is_read(tmp_path):
    where = os.path.join(os.fsencode(tmp_path), b"in", "王五".encode("gbk"))
    os.makedirs(where)
    with open(os.path.join(where, b"lab05.ipynb"), "wb") as file:
        file.write(book("a"))
    found = collect(tmp_path / "in", LAB, ["why"])
    assert whose(found) == {"王五": "a"}


# ---------------------------------------------------------------- 看不准就问

@pytest.mark.parametrize(("files", "asks", "answer", "people"), [
    ({f"张三/李四_1001{MOODLE}/lab05.ipynb": "a"}, "--layout moodle 或 --layout hand", "hand", {"张三"}),
    ({f"张三_1000{MOODLE}/lab05.ipynb": "a", "笔记/lab05.ipynb": "b"}, "像 Moodle 给的，笔记/lab05.ipynb 不像",
     "moodle", {"张三_1000"}),
    ({"li_5_10_lab05.ipynb": "a", "王五_lab05.ipynb": "b"}, "像 Canvas 给的", "hand", {"li_5_10", "王五"}),
    ({"a_1_2_b_attempt_2026-11-20-08-00-00_x.ipynb": "a"}, "--layout canvas 或 --layout blackboard", "canvas", {"a_1"}),
    ({"提交的/张三_lab05.ipynb": "a", "提交的/李四_lab05.ipynb": "b"}, "全部文件都在 提交的 里", "hand", None),
    ({"提交的/张三_lab05.ipynb": "a", "提交的/李四_lab05.ipynb": "b"}, "--layout inside", "inside", {"张三", "李四"}),
    ({"all/张三/lab05.ipynb": "a", "all/李四/lab05.ipynb": "b"}, "全部文件都在 all 里", "inside", {"张三", "李四"}),
    ({"一班/张三/lab05.ipynb": "a", "一班/李四/lab05.ipynb": "b"}, "全部文件都在 一班 里", "hand", None),
    ({f"张三/李四_1001{MOODLE}/lab05.ipynb": "a", f"张三/王五_1002{MOODLE}/lab05.ipynb": "b"}, "--layout moodle", "hand", None),
    ({f"作业 2/李四_1001{MOODLE}/lab05.ipynb": "a", f"作业 2/王五_1002{MOODLE}/lab05.ipynb": "b"}, "--layout moodle", "moodle",
     {"李四_1001", "王五_1002"}),
])
def test_what_could_be_two_things_is_asked(tmp_path, files, asks, answer, people):
    with pytest.raises(Ambiguous, match=asks):
        got(tmp_path, files)
    found = got(tmp_path, files, layout=answer)
    assert {p.owner for p in found.papers.values()} == (people or set())
    if people is None:
        assert len(found.aside) == 2, "一个人的两份，内容不同"


def test_what_the_platform_did_not_write_is_set_aside(tmp_path):
    found = got(tmp_path, {f"张三_1000{MOODLE}/lab05.ipynb": "a", "笔记/lab05.ipynb": "b"}, layout="moodle")
    assert found.aside == [("笔记/lab05.ipynb", "不像 Moodle 给的名字，认不出是谁的")]


def test_a_layout_nobody_knows(tmp_path):
    with pytest.raises(ValueError, match=r"没有叫 webct 的布局；有：canvas、moodle"):
        got(tmp_path, {"张三/lab05.ipynb": "a"}, layout="webct")


@pytest.mark.parametrize("path", ["2023001-张三/lab05.ipynb", "张三_2023001_作业/x.ipynb", "2023001 张三.ipynb"])
def test_yuketang_by_name_only(tmp_path, path):
    paper, = got(tmp_path, {path: "a"}, layout="yuketang").papers.values()
    assert (paper.owner, paper.name, paper.id) == ("2023001-张三", "张三", "2023001")


def test_take_answers_which_of_two(tmp_path):
    files, _, aside = CASES["moodle: the student's own number decides nothing"]
    found = got(tmp_path, files)
    assert all("选一份：--take 路径" in why for _, why in found.aside)
    for path in aside:
        assert whose(got(tmp_path, files, take=[path])) == {"张三_1000": files[path]}
    with pytest.raises(ValueError, match="--take 说的 nothing 不在"):
        got(tmp_path, files, take=["nothing"])


def test_late_by_the_platform_s_own_words(tmp_path):
    found = got(tmp_path, CASES["canvas"][0])
    assert {p.owner: p.late for p in found.papers.values()} == {"lisi_12345": False, "wangwu_12346": True}


def test_a_date_inside_the_student_s_own_zip_makes_nobody_punctual(tmp_path):
    (tmp_path / "all.zip").write_bytes(packed({
        "1000001-张三.zip": packed({"lab05.ipynb": "a"}, day=1), "1000002-李四.zip": packed({"lab05.ipynb": "b"})}))
    found = collect(tmp_path / "all.zip", LAB, ["why"])
    rules = Rules(due={"lab05": datetime(2026, 11, 15).astimezone().isoformat()})
    late = {p.owner: lateness(rules, LAB, p, ()).late for p in found.papers.values()}
    assert late == {"1000001-张三": True, "1000002-李四": True}


# ---------------------------------------------------------------- 压缩包里的压缩包

def test_a_bomb_in_a_student_s_zip_is_not_unpacked(tmp_path):
    found = got(tmp_path, {"1000001-张三.zip": packed({"lab05.ipynb": bytes(64 << 20)}),
                           "1000002-李四.zip": packed({"x.ipynb": "b"})})
    assert whose(found) == {"1000002-李四": "b"}
    assert found.refused == [("1000001-张三.zip/lab05.ipynb", "文件太大（16 MB，上限 16 MB）")]


def test_too_many_in_a_student_s_zip(tmp_path):
    many = packed({f"{n}.ipynb": b"x" for n in range(delivery.MOST_INSIDE + 1)})
    found = got(tmp_path, {"1000001-张三/a.zip": many, "1000002-李四/b.zip": b"PK nothing",
                           "1000003-王五/x.ipynb": "c"})
    assert whose(found) == {"1000003-王五": "c"}
    assert [why for _, why in found.refused] == ["压缩包里有 41 个笔记本，太多了（上限 40），没有打开",
                                                 "压缩包打不开（BadZipFile）"]


def test_a_zip_in_a_zip_in_a_zip_stays_shut(tmp_path):
    deep = packed({"inner.zip": packed({"lab05.ipynb": "deep"})})
    assert whose(got(tmp_path, {"张三/a.zip": deep, "李四/x.ipynb": "b"}, layout="hand")) == {"李四": "b"}


# ---------------------------------------------------------------- 名字

NAMES = ["张三_1000", "张 三", "张_三", "=SUM(A1)", "a/b", "a\0b", "..", ".", ".a", "a.", "-rf", " a", "a ", "CON", "con",
         "con.x",
         "é", "e\u0301",
         "가", "\u1100\u1161", "Li", "li", "LI", "ı", "I", "i", "ß", "ss", "ſ", "s",
         "O’Brien", "O'Brien", "a,b", ",a", "A", "Ａ", "𝒜", "\ud800",
         "\u202eevil", "a*b", "a[b]", "~root", "\u00c5", "\u212b", "x" * 180]


def test_names_become_file_names_and_back():
    made = [escape(name) for name in NAMES]
    assert [unescape(text) for text in made] == NAMES
    import unicodedata
    assert len({unicodedata.normalize("NFC", m).casefold() for m in made}) == len(NAMES), "不分大小写、做 NFC 也不重名"
    for text in made:
        assert len(text.encode()) <= 200
        assert text.isprintable()
        assert not set(text) & set('/\\:*?"<>|[]~\0')
        assert text[0] not in ".- "
        assert text[-1] not in ". "
        assert text.partition(".")[0] not in ("con", "nul")


def test_a_name_too_long_is_cut_and_still_its_own():
    one, two = escape("王" * 100 + "甲"), escape("王" * 100 + "乙")
    assert one != two
    assert unescape(one) is None
    assert max(len(one.encode()), len(two.encode())) <= 200
    assert another("张三") != escape("张三")


def test_an_empty_name_is_nobody():
    with pytest.raises(ValueError, match="名字是空的"):
        escape("")


@pytest.mark.parametrize(("one", "other"), [
    ("张三", "张\u200b三"), ("张三", "张\u00a0三"), ("O'Brien", "O’Brien"), ("O'Brien", "O Brien"),
    ("anna", "аnna"), ("Li", "li"),
    ("Ｌｉ", "Li"), ("é", "e\u0301"), ("+1", "=1"), ("οscar", "oscar")])
def test_what_looks_alike_is_pointed_out(one, other):
    assert skeleton(one) == skeleton(other)
    line, = alike([one, other, "王五"])
    assert "看上去一样" in line
    assert line.endswith("当作 2 个人。")
    assert printable(line) == line


def test_lookalikes_in_a_delivery_stay_two_people(tmp_path):
    found = got(tmp_path, {"anna/x.ipynb": "a", "аnna/x.ipynb": "b"})
    assert len(found.papers) == 2
    assert found.said == ["“anna”、“аnna” 看上去一样（第 1 个字是 U+0061 与 U+0430），当作 2 个人。"]
    assert visible("张\u200b三") == "张‹U+200B›三"
    same = got(tmp_path, CASES["moodle: two of the same name"][0])
    assert same.said == ["“张三_1000”、“张三_1001” 同名，平台说是 2 个人。"]


# ---------------------------------------------------------------- 名单

ROSTERS = {
    "canvas": ("Student,ID,SIS User ID,SIS Login ID,Section,HW1\n"
               "    Points Possible,,,,,10\n\"Li, Si\",12345,2023001,lisi,一班,9\n"
               "\"Wang, Wu\",12346,2023002,ww,一班,\n\"Student, Test\",999,,x,一班,\n", "utf-8-sig"),
    "moodle worksheet": ("Identifier,Full name,Email address,Status\n"
                         "Participant 1000,张三,a@x.cn,ok\nParticipant 1001,李四,b@x.cn,ok\n", "utf-8"),
    "moodle participants": ("First name,Last name,ID number,Email address\n"
                            "三,张,2023001,a@x.cn\n四,李,2023002,b@x.cn\n", "utf-8-sig"),
    "blackboard": ("\"Last Name\"\t\"First Name\"\t\"Username\"\t\"Student ID\"\n"
                   "\"张\"\t\"三\"\t\"li\"\t\"1\"\n\"李\"\t\"四\"\t\"wu\"\t\"2\"\n", "utf-16"),
    "chaoxing": ("学号,姓名,班级\n10254700432,张三,一班\n10254700433,李四,一班\n", "gb18030"),
    "yuketang": ("第二章作业-试卷,,\n学号,姓名,得分\n10254700432,张三,10\n10254700433,李四,\n", "utf-8-sig"),
    "plain": ("姓名;学号\n张三;2023001\n李四;2023002\n", "gb18030"),
    "names only": ("姓名\n张三\n李四\n", "utf-8"),
    "english": ("Name,Student ID\n张三,2023001\n李四,2023002\n", "utf-16-le"),
}


@pytest.mark.parametrize(("roster", "files"), [
    ("canvas", {"lisi_12345_700_lab05.ipynb": "a"}),
    ("moodle worksheet", {f"张三_1000{MOODLE}/lab05.ipynb": "a"}),
    ("moodle participants", {f"张三_1000{MOODLE}/lab05.ipynb": "a"}),
    ("blackboard", {"lab05_li_attempt_2026-11-20-08-00-00_x.ipynb": "a"}),
    ("chaoxing", {"10254700432-张三/lab05.ipynb": "a"}),
    ("yuketang", {"10254700432-张三/lab05.ipynb": "a"}),
    ("plain", {"2023001 张三 lab05.ipynb": "a"}),
    ("names only", {"张三/lab05.ipynb": "a"}),
    ("english", {"张三/lab05.ipynb": "a"}),
])
def test_a_roster_names_who_is_missing(tmp_path, roster, files):
    text, encoding = ROSTERS[roster]
    (tmp_path / "r.csv").write_bytes(text.encode(encoding))
    known = Roster.read(tmp_path / "r.csv")
    assert len(known.members) == 2
    found = got(tmp_path, files, roster=known)
    assert len(found.papers) == 1
    assert [m.name for m in found.missing] == [known.members[1].name]
    assert found.aside == []


def test_who_is_not_on_the_roster_is_set_aside(tmp_path):
    roster = Roster("学号,姓名\n1,张三\n")
    files = {"张三/x.ipynb": "a", "路人/x.ipynb": "b"}
    found = got(tmp_path, files, roster=roster)
    assert (whose(found), found.aside) == ({"张三": "a"}, [("路人/x.ipynb", "路人 不在名单上；要收，用 --unknown take")])
    assert whose(got(tmp_path, files, roster=roster, unknown="take")) == {"张三": "a", "路人": "b"}


def test_what_cannot_be_read_was_still_handed_in(tmp_path):
    found = got(tmp_path, {"张三/x.ipynb": b"not json", "李四/x.ipynb": "b"}, roster=Roster("姓名\n张三\n李四\n王五\n"))
    assert [m.name for m in found.missing] == ["王五"]


@pytest.mark.parametrize("path", ["2023001 张三 lab05.ipynb", "2023001-张三.zip/lab05.ipynb"])
def test_a_name_with_somebody_else_s_number_is_not_him(tmp_path, path):
    files = {path: "a"} if ".zip" not in path else {"2023001-张三.zip": packed({"lab05.ipynb": "a"})}
    found = got(tmp_path, files, roster=Roster("学号,姓名\n2023002,张三\n"))
    assert (found.papers, [m.who for m in found.missing]) == ({}, ["张三（2023002）"])


def test_two_of_one_name_on_the_roster_are_not_guessed(tmp_path):
    found = got(tmp_path, {"张三/lab05.ipynb": "a"}, roster=Roster("学号,姓名\n1,张三\n2,张三\n"))
    assert found.papers == {}
    assert "张三（1）、张三（2）" in found.aside[0][1]


def test_two_people_for_one_on_the_roster_are_not_guessed(tmp_path):
    found = got(tmp_path, CASES["moodle: two of the same name"][0], roster=Roster("姓名\n张三\n"))
    assert (found.papers, len(found.aside)) == ({}, 2)


def test_a_number_of_another_kind_is_nobody_s(tmp_path):
    """Moodle 的参与者号 1000 恰好是别人的学号：不是他。"""
    found = got(tmp_path, {f"张三_1000{MOODLE}/x.ipynb": "a"}, roster=Roster("学号,姓名\n1000,李四\n7,张三\n"))
    assert [m.name for m in found.missing] == ["李四"]


@pytest.mark.parametrize(("data", "told"), [
    (b"PK\3\4xx", "是 xlsx 工作簿"), (b"\xd0\xcf\x11\xe0xx", "是 xls 工作簿"), (b"a,b\n1,2\n", "没有找到表头"),
    ("学号,姓名\n".encode(), "一个人也没有"), (b"a\0b" * 9, "没有找到表头"),
    (b"Name\n" + b"x" * 200_000, "第 2 行有一格 200000 个字"), (b"\x81\xff\xff", "编码认不出来")])
def test_what_is_no_roster_is_one_sentence(tmp_path, data, told):
    with pytest.raises(ValueError, match="打不开"):
        Roster.read(tmp_path)
    (tmp_path / "r.csv").write_bytes(data)
    with pytest.raises(ValueError, match=told):
        Roster.read(tmp_path / "r.csv")


@pytest.mark.parametrize("limit", [100, 1 << 30])
def test_a_limit_that_somebody_set_for_the_whole_process_decides_nothing(limit):
    before = csv.field_size_limit(limit)
    try:
        assert [m.name for m in Roster(f"姓名,备注\n张三,{'长' * 100_000}\n").members] == ["张三"]
        with pytest.raises(ValueError, match="第 2 行有一格 200000 个字，太长"):
            Roster(f"姓名,备注\n张三,{'长' * 200_000}\n")
    finally:
        csv.field_size_limit(before)


def test_a_pipe_is_no_roster(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ValueError, match="打不开：要给一份 CSV 名单"):
        Roster.read(tmp_path / "pipe.csv")


# ---------------------------------------------------------------- 一门课里

@pytest.fixture
def course(tmp_path):
    made = Course(tmp_path / "course")
    made.create()
    (made.root / "source" / "lab05").mkdir(parents=True)
    (made.root / "source" / "lab05" / "lab05.ipynb").write_bytes(book(""))
    return made


def test_the_command_tells_all(tmp_path, course, capsys):
    (tmp_path / "all.zip").write_bytes(packed({**CASES["moodle: the student's own number decides nothing"][0],
                                               f"李\u202e四_1001{MOODLE}/x.ipynb": "b", f"王五_1002{MOODLE}/x.ipynb": "c"}))
    (tmp_path / "r.csv").write_text("Identifier,Full name\nParticipant 1000,张三\nParticipant 1002,王五\nParticipant 1003,赵六\n")
    run = ["--course", str(course.root), "collect", "lab05", str(tmp_path / "all.zip")]
    assert main([*run, "--roster", str(tmp_path / "r.csv")]) == 0
    said = capsys.readouterr().out
    assert "没有交的 1 人：赵六（1003）" in said
    assert said.endswith("收了 1 份 lab05（Moodle），0 个文件没有收，3 个放在一边等你回答。\n")
    assert "\u202e" not in said
    assert (course.root / "roster.csv").stat().st_mode & 0o777 == 0o600
    assert main([*run, "--take", f"张三_1000{MOODLE}/lab05(10).ipynb", "--unknown", "take"]) == 0
    assert "收了 3 份" in capsys.readouterr().out, "名单存着，不必再给"
    assert main([*run, "--take", "nothing"]) == 1
    assert "--take 说的 nothing" in capsys.readouterr().err


def test_the_tables_say_what_the_platform_wrote(course):
    from sockscope.grading.course.export import export
    for owner, name, number in (("O’Brien_7", "O’Brien", "7"), ("张 三_8", "张 三", "8")):
        student = escape(owner)
        course.save_paper(Paper(student, "lab05", owner=owner, name=name, id=number, layout="moodle"))
        course.save_result({"lab": "lab05", "student": student, "digest": "", "verdicts": []})
    canvas, moodle, sheet = (list(csv.reader(io.StringIO(p.read_text("utf-8-sig")))) for p in export(course, LAB))
    assert {tuple(r[:2]) for r in moodle[1:]} == {("Participant 7", "O’Brien"), ("Participant 8", "张 三")}
    assert {tuple(r[:2]) for r in canvas[2:]} == {("O’Brien", ""), ("张 三", "")}, "Moodle 的号在 Canvas 上是别人的"
    assert {tuple(r[:2]) for r in sheet[1:]} == {("O’Brien", "7"), ("张 三", "8")}
    Roster("Identifier,Full name\nParticipant 7,\"O’Brien, 名单上的\"\n").keep(course)
    moodle = list(csv.reader(io.StringIO(export(course, LAB)[1].read_text())))
    assert ["Participant 7", "O’Brien, 名单上的"] in [r[:2] for r in moodle]


def old(course: Course, student: str, file: str) -> None:
    """从前的版本收下的一份：没有 owner、name、id。"""
    told = {k: v for k, v in Paper(student, "lab05", file=file).json().items() if k not in ("owner", "name", "id", "layout")}
    (course.root / "collected" / "lab05").mkdir(parents=True, exist_ok=True)
    (course.root / "collected" / "lab05" / f"{student}.json").write_text(json.dumps(told))


def held(course: Course) -> dict[str, str]:
    """课程文件夹里：平台写的人（从前的没有写，就是文件名）→ 文件名。"""
    return {paper.owner or student: student for student, paper in course.papers(LAB).items()}


def test_an_older_course_goes_on(tmp_path, course):
    old(course, "张_三_1000", f"作业/张 三_1000{MOODLE}/lab05.ipynb")
    old(course, "lisi_5", "lisi_LATE_5_10_lab05.ipynb")
    assert course.papers(LAB)["lisi_5"].who == "lisi_5"
    settle(course, got(tmp_path, {f"张 三_1000{MOODLE}/x.ipynb": "a"}))
    settle(course, got(tmp_path, {"lisi_5_11_lab05.ipynb": "b"}))
    assert held(course) == {"张 三_1000": "张_三_1000", "lisi_5": "lisi_5"}
    assert course.papers(LAB)["张_三_1000"].who == "张 三（1000）"
    settle(course, got(tmp_path, {"张_三_1000/lab05.ipynb": "别人"}))
    assert held(course) == {"张 三_1000": "张_三_1000", "lisi_5": "lisi_5", "张_三_1000": another("张_三_1000")}


def test_people_who_were_one_in_an_older_course_are_parted(tmp_path, course):
    old(course, "O_Brien", "O'Brien/lab05.ipynb")
    found = got(tmp_path, QUOTES[0])
    settle(course, found)
    assert {p.owner: p.written["why"] for p in course.papers(LAB).values()} == QUOTES[1]
    assert held(course)["O'Brien"] == "O_Brien"
    assert [line for line in found.said if "不一定是“O Brien”" in line]


def test_what_an_older_course_kept_of_somebody_else_is_not_overwritten(tmp_path, course):
    old(course, "张_三", "张 三/lab05.ipynb")
    settle(course, got(tmp_path, {"张_三/lab05.ipynb": "a", "李四/lab05.ipynb": "b"}))
    assert set(course.papers(LAB)) == {"张_三", another("张_三"), "李四"}
    assert course.papers(LAB)["张_三"].owner == ""


def test_students_are_named_as_the_platform_does(tmp_path, course, capsys):
    from sockscope.grading.commands import students as _students
    settle(course, got(tmp_path, {f"Li Si_1000{MOODLE}/x.ipynb": "a",
                                  f"张三_1001{MOODLE}/x.ipynb": "b", f"张三_1002{MOODLE}/x.ipynb": "c"}))
    for word in (",li ,si_1000", "Li Si", "1000", "Li Si_1000"):
        assert _students(course, LAB, [word]) == [",li ,si_1000"]
    with pytest.raises(ValueError, match="叫 张三 的不止一个：张三_1001、张三_1002"):
        _students(course, LAB, ["张三"])
    assert _students(course, LAB, []) == []
