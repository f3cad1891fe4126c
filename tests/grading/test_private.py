"""课程文件夹里的一切，从出生起就只有教师自己打得开，不管他的 umask 是什么；旧的、宽的，收紧并说一声。"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sockscope.grading.__main__ import main
from sockscope.grading.course import gradebook
from sockscope.grading.course.course import Course
from sockscope.grading.course.private import create, folder, private, tighten
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab

LAB = find_lab("lab05")
# 一门课的每一步都走一遍；每当进程要打开、建立、改名，就看一眼课程文件夹里有没有别人打得开的
WATCHED = """
import os, stat, sys
from pathlib import Path
from sockscope.grading.__main__ import main
root, inbox = Path(sys.argv[1]), sys.argv[2]
os.umask(0)
seen, looking = set(), False

def look(event, arguments):
    global looking
    if looking or event not in ("open", "os.mkdir", "os.rename", "os.chmod", "os.remove", "sqlite3.connect"):
        return
    looking = True
    try:
        for inside, folders, files in os.walk(root):
            for path in [inside, *(os.path.join(inside, name) for name in (*folders, *files))]:
                try:
                    if os.lstat(path).st_mode & 0o077:
                        seen.add(os.path.relpath(path, root))
                except FileNotFoundError:
                    pass
    finally:
        looking = False

sys.addaudithook(look)
for words in (["release", "lab05"], ["release", "lab05"], ["collect", "lab05", inbox], ["grade", "lab05"],
              ["execute", "lab05"], ["feedback", "lab05"], ["export", "lab05"], ["summary", "lab05"]):
    assert main(["--course", str(root), *words]) == 0, words
look("open", ())
print("wide:", sorted(seen))
"""


def wide(root: Path) -> list[str]:
    """别的用户也碰得到的。"""
    every = [root, *root.rglob("*")]
    return [str(p.relative_to(root)) for p in every if not p.is_symlink() and p.stat().st_mode & 0o077]


@pytest.fixture
def inbox(tmp_path) -> Path:
    """一份对的答卷。"""
    home = tmp_path / "in" / "学生"
    home.mkdir(parents=True)
    (home / "lab05.ipynb").write_text(json.dumps(filled(LAB, model(LAB))), encoding="utf-8")
    return home.parent


def test_nothing_in_a_course_was_ever_open_to_others(tmp_path, inbox):
    root = tmp_path / "deep" / "course"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", WATCHED, str(root), str(inbox)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.stdout.splitlines()[-1] == "wide: []", done.stdout
    assert wide(root) == []
    made = {p.relative_to(root).parts[0] for p in root.rglob("*") if p.is_file()}
    assert made >= {"seed", "gradebook.db", "nbgrader_config.py", "source", "release", "collected", "results", "submitted",
                    "autograded", "executed", "feedback", "export", "summary"}, "每一样都走到了"


def test_the_journal_of_the_grade_book_is_private_too(tmp_path):
    """写到一半的日志里也有分数：SQLite 给它的权限与成绩库的相同。"""
    before = os.umask(0)
    try:
        course = Course(tmp_path / "course")
        course.create()
        with gradebook.opened(course) as book:
            book.update_or_create_student("学生")
            book.db.connection().exec_driver_sql("update student set id = id")
            journal = course.root / "gradebook.db-journal"
            assert stat.S_IMODE(journal.stat().st_mode) == 0o600
            book.db.rollback()
    finally:
        os.umask(before)
    assert wide(course.root) == []


def test_an_open_course_is_tightened_and_it_says_so(tmp_path, capsys):
    course = Course(tmp_path / "course")
    course.create()
    outside = tmp_path / "outside"
    outside.write_text("不是课里的")
    outside.chmod(0o644)
    (course.root / "link").symlink_to(outside)
    (course.root / "export").mkdir()
    for path, mode in ((course.root, 0o755), (course.root / "seed", 0o644), (course.root / "export", 0o775)):
        path.chmod(mode)
    assert main(["--course", str(course.root), "late"]) == 0
    assert capsys.readouterr().err.startswith(f"{course.root} 里有 3 样别的用户也碰得到，已经收紧")
    assert wide(course.root) == []
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644, "不跟随符号链接"
    assert tighten(course.root) == 0


def test_a_file_is_never_written_into_what_somebody_put_there(tmp_path):
    (tmp_path / "trap").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        create(tmp_path / "trap")
    assert not (tmp_path / "elsewhere").exists()


def test_every_folder_on_the_way_is_private(tmp_path):
    before = os.umask(0)
    try:
        folder(tmp_path / "a" / "b" / "c")
        with private():
            (tmp_path / "a" / "theirs").write_text("")
    finally:
        os.umask(before)
    assert wide(tmp_path / "a") == []
