"""学生手里没有答案：发给学生的笔记本、给学生的一份、读者的 wheel，都搜一遍。"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from sockscope import places
from sockscope.grading.course import source
from sockscope.grading.course.course import Course
from sockscope.grading.course.release import release
from sockscope.grading.exam.lab import labs

ROOT = Path(__file__).parents[2]
LABS = list(labs().values())


def bare(text: str) -> str:
    """只看字，不看怎样空格和换行。"""
    return re.sub(r"\s+", "", text)


def solutions() -> dict[str, str]:
    """每个答题格的范例、每一种别的正确写法：名字 → 第一行标记之后的正文。"""
    found = {f"{lab.name} {sample.name} {cell}": bare("".join(text.splitlines(keepends=True)[1:]))
             for lab in LABS for sample in source.samples(lab) if not sample.fails
             for cell, text in sample.answers.cells.items()}
    return {name: text for name, text in found.items() if len(text) > 60}  # 一两行的，别处也会这样写


def leaked(files: Iterable[tuple[str, str]]) -> list[str]:
    """哪个文件里有哪一份答案。"""
    answers = solutions()
    assert len(answers) > 300
    return [f"{name}：{answer}" for name, text in files for answer, body in answers.items() if body in text]


def texts(archive: zipfile.ZipFile) -> Iterable[tuple[str, str]]:
    """zip 里的文字；笔记本取单元格的原文。"""
    for name in archive.namelist():
        data = archive.read(name)
        if name.endswith(".ipynb"):
            yield name, bare("\n".join(source.text_of(cell) for cell in json.loads(data)["cells"]))
        elif name.endswith((".py", ".md", ".toml", ".c", ".h", ".txt", ".html", ".js")):
            yield name, bare(data.decode())


def test_what_students_get_is_what_is_released(tmp_path):
    course = Course(tmp_path)
    for lab in LABS:
        made = Path(release(course, lab)).read_text()
        assert (ROOT / "labs" / lab.name / f"{lab.name}.ipynb").read_text() == made, "运行 tools/handouts"
    assert {path.relative_to(ROOT / "labs").as_posix() for path in (ROOT / "labs").rglob("*") if path.is_file()} \
        == {f"{lab.name}/{lab.name}.ipynb" for lab in LABS}


def built(folder: Path, target: Path) -> zipfile.ZipFile:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)], cwd=folder, check=True,
                   capture_output=True)
    found, = target.glob("*.whl")
    return zipfile.ZipFile(found)


def test_the_reader_s_wheel_has_the_exercises_and_no_solution(tmp_path):
    wheel = built(ROOT, tmp_path)
    assert leaked(texts(wheel)) == []
    names = wheel.namelist()
    assert [name for name in names if "teacher/" in name or name.endswith("answers.toml")] == []
    assert "sockscope/data/labs/lab05/lab05.ipynb" in names


def test_the_student_s_copy_has_the_exercises_and_no_solution(tmp_path):
    done = subprocess.run(["git", "archive", "--format=zip", "HEAD", "--", ".", *(
        f":(exclude){path}" for path in re.findall(r"':\(exclude\)(\S+)'", (ROOT / "tools" / "student").read_text()))],
        cwd=ROOT, capture_output=True, check=True)
    copy = zipfile.ZipFile(io.BytesIO(done.stdout))
    assert leaked(texts(copy)) == []
    names = copy.namelist()
    assert [name for name in names if name.startswith(("teacher/", "tests/", "bench/"))] == []
    assert {"labs/lab05/lab05.ipynb", "Makefile", "requirements.txt", "chapters/05_closing.ipynb"} <= set(names)


def test_the_search_would_find_a_solution():
    model = source.model(LABS[0]).cells
    assert leaked([("x.py", bare("\n".join(model.values())))])


def test_the_teacher_s_wheel_releases_outside_the_repository(tmp_path):
    for folder, name in ((ROOT, "reader"), (ROOT / "teacher", "teacher")):
        built(folder, tmp_path / name).extractall(tmp_path / name)

    def asked(*installed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sockscope.grading", "--course", str(tmp_path / "course"), "release", "lab05"],
            env={"PYTHONPATH": ":".join(str(tmp_path / name) for name in installed), "PATH": os.environ["PATH"],
                 "HOME": str(tmp_path)},
            cwd=tmp_path, capture_output=True, text=True)
    alone = asked("reader")
    assert (alone.returncode, alone.stdout) == (1, "")
    assert "sockscope_teacher" in alone.stderr
    both = asked("reader", "teacher")
    assert "发布了 lab05" in both.stdout, both.stderr


def test_the_two_wheels_are_of_one_version():
    told = [tomllib.loads((ROOT / path).read_text())["project"] for path in ("pyproject.toml", "teacher/pyproject.toml")]
    assert told[0]["version"] == told[1]["version"]
    assert told[1]["dependencies"] == [f"sockscope[grading]=={told[0]['version']}"]
    assert places.ROOT == ROOT


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_a_released_notebook_has_every_cell_and_no_answer(lab):
    book = json.loads((ROOT / "labs" / lab.name / f"{lab.name}.ipynb").read_text())
    code = {source.grade_id(cell): source.text_of(cell) for cell in book["cells"] if source.grade_id(cell)}
    for cell in lab.cells:
        assert "raise NotImplementedError" in code[cell]
        assert "SOLUTION" not in code[cell]
