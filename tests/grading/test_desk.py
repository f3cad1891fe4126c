"""教师的桌面：同样的命令，在一页里；没有地址里的钥匙进不来，借不了它的手，也看不到别的文件。"""

from __future__ import annotations

import argparse
import html
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sockscope.grading.__main__ import parser
from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.sample import filled, write_class
from sockscope.grading.course.source import model
from sockscope.grading.desk import forms
from sockscope.grading.desk.jobs import Job
from sockscope.grading.desk.pages import viewable
from sockscope.grading.desk.server import file_name
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.jail.sandbox import refusal

LAB = find_lab("lab05")
EVIL = "<script>alert(1)</script>"
COMMANDS = forms.commands(parser())
PATIENT = 120


class Desk:
    """一张开着的桌面。"""

    def __init__(self, course: Course) -> None:
        words = [sys.executable, "-m", "sockscope.grading", f"--course={course.root}", "desk", "--no-browser"]
        self.spare = course.root.with_name("tmp")
        self.spare.mkdir(exist_ok=True)
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(self.spare)})
        self.url = re.search(r"http://\S+", self.process.stdout.readline())[0]
        self.client = httpx.Client(timeout=PATIENT)

    def get(self, path: str = "", **more) -> httpx.Response:
        return self.client.get(self.url + path, **more)

    def press(self, path: str, name: str, files=None, **told) -> httpx.Response:
        """按下一个按钮，走到它指的那一页。"""
        answer = self.client.post(self.url + path, data={"do": name, **told}, files=files or {"x": b""})
        return self.client.get(answer.next_request.url) if answer.status_code == 303 else answer

    def do(self, path: str, name: str, files=None, **told) -> str:
        """按下一个按钮，等到那条命令结束，返回最后的一页。"""
        page = self.press(path, name, files, **told)
        while "正在运行……" in page.text:
            page = self.get("job")
        return page.text

    def close(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENT) == 0
        assert not list(self.spare.glob("sockscope-desk-*"))
        self.process.stdout.close()


@pytest.fixture
def course(tmp_path, monkeypatch):
    """放进了 lab05 的一门课，收了两份。"""
    monkeypatch.setenv("PATH", os.environ["PATH"])
    made = Course(tmp_path / "course")
    made.create()
    write(made.root / "source" / "lab05" / "lab05.ipynb", dumps(filled(LAB, model(LAB))))
    for student, name in (("li", EVIL), ("-x", "-x")):
        made.save_paper(Paper(student, "lab05", model(LAB).cells, {"why": "因为"}, name=name, owner=student))
    return made


@pytest.fixture
def desk(course):
    made = Desk(course)
    yield made
    made.close()


# ---------------------------------------------------------------- 表单 ↔ 命令

def filled_in(name: str) -> tuple[dict[str, str], list[str]]:
    """把一个命令的每一格都填上；返回表单，和以减号开头的人。"""
    told = {}
    for field in forms.fields(COMMANDS[name]):
        told[f"{name}.{field.action.dest}"] = {
            "flag": "1", "choice": str(next(iter(field.action.choices or [""]))), "moment": "2026-11-20T23:59",
            "lines": "-甲\n乙 丙\n\n", "paths": "/a b\n/c", "path": "/a b", "words": "p=1 q=2"}.get(
                field.kind, "3" if field.action.type else "-甲 乙")
    return told, ["-x", "李 四"]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_form_becomes_its_command_and_is_understood(name):
    told, people = filled_in(name)
    words = forms.words(name, COMMANDS[name], told, "lab05", people)
    asked = vars(parser().parse_args(words))
    for field in forms.fields(COMMANDS[name]):
        value = asked[field.action.dest]
        assert value not in (None, [], False), field.action.dest
        if field.kind == "lines":
            assert value == ["-甲", "乙 丙"]
        elif field.kind == "path":
            assert value == Path("/a b")
        elif field.kind == "text" and field.action.type is None:
            assert value == "-甲 乙"
    if forms.takes(COMMANDS[name], *forms.MARKED):
        assert (asked.get("students") or asked.get("people")) == people
    assert forms.form(name, COMMANDS[name]).count("name=") >= len(told)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_an_empty_form_says_nothing(name):
    words = forms.words(name, COMMANDS[name], {}, "lab05")
    assert words[0] == name
    assert set(words[1:]) <= {"--", "lab05"}


def test_an_uploaded_file_counts_more_than_a_path():
    words = forms.words("collect", COMMANDS["collect"], {"collect.source": "/elsewhere"}, "lab05",
                        stored=lambda field: Path("/in") if field == "collect.source" else None)
    assert words == ["collect", "--", "lab05", "/in"]


def test_hints_are_escaped():
    made = argparse.ArgumentParser()
    made.add_argument("--x", help=EVIL, metavar=EVIL)
    assert "<script" not in forms.form("c", made)


# ---------------------------------------------------------------- 谁进得来

def test_without_the_key_nobody_enters(desk, course):
    root = desk.url.split("/")[3]
    base = desk.url.removesuffix(f"{root}/")
    for path in ("", "lab/lab05", "job", "x/job", f"{root[:-1]}/", f"{root}x/lab/lab05", "file/summary/x.html"):
        answer = desk.client.get(base + path)
        assert (answer.status_code, answer.text) == (403, "打不开。请用终端里印出的那个地址。"), path
    assert desk.client.post(base + "x/lab/lab05", data={"do": "due"}).status_code == 403
    assert str(course.root) not in answer.text


def test_another_name_for_this_machine_is_refused(desk):
    for host in ("evil.example", "127.0.0.1", f"localhost.evil.example:{desk.url.split(':')[2].split('/')[0]}"):
        assert desk.get(headers={"Host": host}).status_code == 403


def test_the_key_is_not_on_the_browser_s_command_line(course, tmp_path):
    """别的用户用 ps 看得见浏览器的命令行；它打开的是一个只有自己读得了的文件。"""
    os.mkfifo(tmp_path / "opened")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    words = [sys.executable, "-m", "sockscope.grading", f"--course={course.root}", "desk"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "BROWSER": str(browser)}) as process:
        try:
            url = re.search(r"http://\S+", process.stdout.readline())[0]
            opened = (tmp_path / "opened").read_text().strip()
            assert opened.startswith("file:///")
            assert url.split("/")[3] not in opened
            page = Path(opened.removeprefix("file://"))
            assert url in page.read_text()
            assert page.parent.stat().st_mode & 0o777 == 0o700
        finally:
            process.terminate()
    assert not page.parent.exists()


def test_no_script_nothing_from_outside_and_nobody_s_frame(desk):
    for path in ("", "lab/lab05", "job"):
        answer = desk.get(path)
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert "<script" not in answer.text
        assert not re.search(r'(?:href|src|action)="(?!/)', answer.text)


@pytest.mark.parametrize("path", [
    "file/seed", "file/../course/seed", "file/%2e%2e/course/seed", "file/gradebook.db", "file/summary/", "file/summary/x.txt",
    "file/collected/lab05/li.json", "file/summary/link.html", "lab/lab99", "nothing"])
def test_nothing_else_can_be_read(desk, course, path):
    (course.root / "summary").mkdir(exist_ok=True)
    (course.root / "summary" / "link.html").symlink_to(course.root / "seed")
    (course.root / "summary" / "x.txt").write_text("x")
    answer = desk.get(path)
    assert answer.status_code in (400, 403, 404)
    assert (course.root / "seed").read_text() not in answer.text


@pytest.mark.parametrize("path", ["", "lab/lab05", "lab/lab05/written/why"])
def test_a_spoiled_file_of_rules_is_one_sentence(desk, course, path):
    write(course.root / "rules.json", "{")
    answer = desk.get(path)
    assert (answer.status_code, "rules.json 读不懂" in answer.text) == (400, True)


def test_what_we_wrote_can_be_read(course):
    write(course.root / "summary" / "a.html", "x")
    assert viewable(course, course.root / "summary" / "a.html")
    assert viewable(course, course.root / "summary") is None
    assert viewable(course, course.root / "collected" / "lab05" / "li.json") is None


# ---------------------------------------------------------------- 做事

def test_a_command_runs_is_shown_and_counts(desk, course):
    done = desk.do("lab/lab05", "extend", who=["-x"], **{"extend.late": "1", "extend.why": "-病假"})
    assert "python -m sockscope.grading extend --late=1 &#x27;--why=-病假&#x27; -- lab05 -x" in done
    assert "记下了 -x 的 lab05。" in done
    assert "做完了。" in done
    assert "student:-x" in (course.root / "rules.json").read_text()
    assert "当作迟了 1 天（-病假）" in desk.do("lab/lab05", "extend")
    wrong = desk.do("lab/lab05", "points", **{"points.changes": "half_close=x"})
    assert "看不懂 half_close=x" in wrong
    assert "没有做成，原因在上面。" in wrong


def test_a_class_is_handed_in_through_the_page_and_its_copy_is_gone(desk, course, tmp_path):
    write_class(LAB, tmp_path / "class", 5)
    packed = Path(shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path / "class"))
    done = desk.do("lab/lab05", "collect", files={"collect.source:file": ("全班.zip", packed.read_bytes())})
    assert "收了 5 份 lab05（Moodle）" in done
    assert not list(desk.spare.glob("sockscope-desk-*/*"))
    page = desk.get("lab/lab05").text
    assert page.count('name="who"') == 7
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    table = desk.do("lab/lab05", "export")
    link = re.search(r'href="/[^/]+/(file/export/lab05/canvas.csv)"', table)[1]
    assert desk.get(link).text.startswith("Student,ID,")
    assert desk.get(link).headers["Content-Disposition"] == "attachment"


def test_written_answers_on_a_page(desk, course, tmp_path):
    """收、批、批书面题，全在页上。"""
    if why := refusal():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    (course.root / "collected" / "lab05" / "-x.json").unlink()
    paper = Paper("li", "lab05", {"ask": "def ask(address, question): ..."}, {"why": EVIL}, owner="li")
    course.save_paper(paper)
    assert "发布了 lab05" in desk.do("", "release", **{"release.labs": "lab05"})
    assert "批了 1 份 lab05。" in desk.do("lab/lab05", "grade")
    assert "why</a>，还有 1 个没有看" in desk.get("lab/lab05").text
    page = desk.get("lab/lab05/written/why").text
    assert f"<pre>{html.escape(EVIL)}</pre>" in page
    done = desk.do("lab/lab05/written/why", "mark", **{"score:li": "2.5", "comment:li": "说得对"})
    assert "写了 1 个回答的分与评语，都看过了。" in done
    assert 'value="2.5"' in desk.get("lab/lab05/written/why").text
    assert '<option value="说得对">' in desk.get("lab/lab05/written/why").text
    assert "4 分不行" in desk.do("lab/lab05/written/why", "mark", **{"score:li": "4", "comment:li": ""})
    assert desk.get("lab/lab05/written/nope").status_code == 404


@pytest.mark.parametrize(("told", "kept"), [
    ("全班.zip", "全班.zip"), ("../../x.zip", "x.zip"), ("..", "file"), ("", "file"), ("a\0\nb.csv", "ab.csv"), ("/", "file"),
    ("长" * 200 + ".csv", "长" * 76 + ".csv")])
def test_an_uploaded_file_keeps_its_name_only(told, kept):
    assert file_name(told) == kept


@pytest.mark.parametrize(("path", "name"), [
    ("lab/lab05", "desk"), ("", "desk"), ("lab/lab05", "late"), ("", "collect"), ("", "nope"), ("", "keys"), ("", "formgrader")])
def test_only_what_the_page_offers_can_be_asked(desk, path, name):
    assert desk.press(path, name).status_code == 404


def test_enter_in_a_field_does_nothing(desk):
    page = desk.press("lab/lab05", "", **{"extend.late": "1"})
    assert (page.status_code, str(page.url)) == (200, desk.url + "lab/lab05")
    assert page.text.index('name="do" value="" class="first"') < page.text.index('name="who"')


# ---------------------------------------------------------------- 一次一条；停得下来，也跟着结束

def never(course: Course) -> None:
    """changes 读历史，而历史是一个管道：它一直等下去。"""
    path = course.root / "history" / "lab05" / "li.jsonl"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)


def test_one_at_a_time_and_it_can_be_stopped(desk, course):
    never(course)
    desk.press("lab/lab05", "changes")
    assert "正在运行……" in desk.get("job").text
    assert "正在运行 <a" in desk.get("lab/lab05").text
    busy = desk.press("", "late")
    assert (busy.status_code, "上一条命令还在运行" in busy.text) == (400, True)
    assert "叫停了。" in desk.do("job", "stop")
    assert "迟交不扣分。" in desk.do("", "late")


def test_killed_it_takes_its_command_with_it(course):
    never(course)
    made = Desk(course)
    made.press("lab/lab05", "changes")
    children = [int(p.name) for p in Path("/proc").glob("[0-9]*") if (p / "cmdline").exists()
                and f"--course={course.root}".encode() in (p / "cmdline").read_bytes() and int(p.name) != made.process.pid]
    assert children
    doors = [os.pidfd_open(pid) for pid in children]
    made.process.kill()
    made.process.wait()
    made.process.stdout.close()
    made.client.close()
    for door in doors:
        assert select.select([door], [], [], PATIENT)[0], "命令还在运行"
        os.close(door)
    assert list(made.spare.glob("sockscope-desk-*"))
    Desk(course).close()  # 下一张桌面扫掉它留下的


def test_a_job_keeps_its_last_words_only(course, monkeypatch):
    monkeypatch.setattr("sockscope.grading.desk.jobs.MOST", 10)
    job = Job(course.root, ["points", "lab05"])
    assert job.wait(PATIENT)
    assert (len(job.text), job.code) == (10, 0)
