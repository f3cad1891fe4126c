"""《教师手册》：表里的行数与数据相同，画面都在、都有替代文字，终端里没有这台机器的痕迹。"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from html import unescape

import pytest

from sockscope.grading.__main__ import TOUR, main
from sockscope.grading.exam.lab import labs
from sockscope.pages import teaching

SHOTS = sorted(teaching.SHOTS.glob("*.webp"))
SAID = sorted(teaching.SHOTS.glob("*.txt"))
NOTEBOOK = json.loads((teaching.BOOK / "teaching.ipynb").read_text(encoding="utf-8"))
SOURCE = "".join("".join(cell["source"]) for cell in NOTEBOOK["cells"])
ROW = {"kind": "cheat", "name": "x", "story": "改掉 `socket`", "ours": {"score": 0, "harm": ""}}
TOLD = {"points": 12, "nbgrader": "0", "kernel": "0", "date": "0"}


@pytest.fixture(scope="module")
def page(book):
    """构建好的那一页。"""
    return (book / "book" / "teaching.html").read_text(encoding="utf-8")


def tables(page: str) -> list[str]:
    return re.findall(r"<table.*?</table>", page, re.DOTALL)


def table(page: str, head: str) -> str:
    """第一行写着 ``head`` 的那张表。"""
    return next(found for found in tables(page) if f"<th>{head}</th>" in found)


def test_every_exercise_has_a_row_and_every_step_its_points(page):
    found = unescape(table(page, "自动批改的步骤"))
    assert found.count("<tr>") == 1 + len(labs())
    assert [c.title for lab in labs().values() for c in lab.checks.values() if f"{c.title}（{c.points:g}）" not in found] == []


def test_every_trick_has_a_row(page):
    rows = (teaching.measured("hostility.json") or {"rows": []})["rows"]
    found = [found for found in tables(page) if "<th>交上来的</th>" in found]
    assert sum(table.count("<tr>") for table in found) == len(found) + len({row["kind"] for row in rows}) + len(rows)
    assert bool(found) == bool(rows)


def test_every_exercise_has_its_mutants(page):
    told = teaching.measured("mutants.json")
    found = table(page, "漏掉的")
    assert found.count("<tr>") == 1 + len(told)
    assert [name for row in told for name in row["survivors"] if name not in found] == []


def test_the_front_page_leads_here(book):
    assert 'href="book/teaching.html"' in (book / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("shot", SHOTS, ids=lambda path: path.stem)
def test_a_picture_is_shown_described_and_small(shot, page, book):
    (shown,) = re.findall(rf'<img [^>]*teaching/{shot.name}"[^>]*>', page)
    assert len(re.search(r'alt="([^"]+)"', shown)[1]) > 20
    assert (book / "_static" / "teaching" / shot.name).exists()
    assert shot.stat().st_size < 150_000


def test_the_pictures_together_are_light():
    assert SHOTS
    assert sum(shot.stat().st_size for shot in SHOTS) < 1_000_000


@pytest.mark.parametrize("said", SAID, ids=lambda path: path.stem)
def test_what_the_terminal_said_is_shown_and_clean(said):
    text = said.read_text(encoding="utf-8")
    assert f'terminal("{said.stem}")' in SOURCE
    assert re.findall(r"Traceback|Error|/tmp|/root|/home", text) == []


def test_the_tour_shows_every_step():
    """命令行说的次序里的每一步，都在终端里或在正文里。"""
    shown = SOURCE + "".join(said.read_text(encoding="utf-8") for said in SAID)
    steps = re.findall(r"^  (\w+) ", TOUR, re.MULTILINE)
    assert [step for step in steps if f"sockscope.grading {step}" not in shown] == []


@pytest.mark.parametrize("name", sorted({found for said in SAID for found in re.findall(
    r"sockscope\.grading (\w+)", said.read_text(encoding="utf-8"))}))
def test_a_command_in_the_terminal_still_exists(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert "用法" in capsys.readouterr().out


# ---------------------------------------------------------------- 写成表的那一段

@pytest.fixture
def folder(tmp_path, monkeypatch):
    """一个空的 book/。"""
    monkeypatch.setattr(teaching, "BOOK", tmp_path)
    return tmp_path


def test_what_was_never_measured_is_left_out(folder):
    assert [teaching.hostility(), teaching.mutants(), teaching.speed()] == [None, None, None]


@pytest.mark.parametrize(("theirs", "shown"), [
    ({"score": 0, "harm": ""}, "✓</i> 0 分"),
    ({"score": 12, "harm": ""}, "✗</i> 12 分"),
    ({"score": 0, "harm": "同学的分没了"}, "✗</i> 0 分</span><small>同学的分没了"),
    ({"score": None, "harm": ""}, "✓</i> 没有分数")])
def test_a_trick_is_right_only_with_its_points_and_no_harm(folder, theirs, shown):
    (folder / "hostility.json").write_text(json.dumps(TOLD | {"rows": [ROW | {"nbgrader": theirs}]}))
    assert shown in teaching.hostility().html


def test_no_score_is_wrong_where_points_are_due(folder):
    lost = ROW | {"fair": 2, "nbgrader": {"score": None, "harm": ""}}
    (folder / "hostility.json").write_text(json.dumps(TOLD | {"rows": [lost]}))
    assert "✗</i> 没有分数" in teaching.hostility().html


def test_what_was_not_tried_says_why(folder):
    (folder / "hostility.json").write_text(json.dumps(TOLD | {"rows": [ROW | {"nbgrader": None, "why": "没有上限"}]}))
    assert "没有上限" in teaching.hostility().html


@pytest.mark.parametrize(("same", "said"), [(True, "一分不差"), (False, "不全相同")])
def test_speed_is_a_sentence(folder, same, said):
    told = {"machine": "两核", "date": "今天", "same_scores": same,
            "compared": {"count": 12, "ours_per_minute": 120.0, "nbgrader_per_minute": 10.0},
            "crowd": [{"workers": n, "count": 1000, "seconds": 300.0, "megabytes": 700.0} for n in (4, 1)]}
    (folder / "measurements").mkdir()
    (folder / "measurements" / "grading.json").write_text(json.dumps(told))
    assert "快 12 倍" in teaching.speed().text
    assert said in teaching.speed().text


def test_only_a_plain_webp_has_a_size(tmp_path):
    (tmp_path / "a.webp").write_bytes(bytes(40))
    with pytest.raises(ValueError, match="重拍"):
        teaching.size(tmp_path / "a.webp")


def test_the_terminal_keeps_what_stands_on_the_screen(root):
    spec = importlib.util.spec_from_file_location("terminal", root / "book" / "terminal.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.screen(b"\r\xe2\x96\x88 1/2 a\r\xe2\x96\x88 2/2 b  \r\n\x1b[1mdone\x1b[0m\r\r\n") == "█ 2/2 b\ndone\n"


INTERRUPTED = """
import pathlib, signal, sys
from book.terminal import Terminal
signal.signal(signal.SIGINT, signal.SIG_IGN)
print(Terminal(pathlib.Path(sys.argv[1])).type("echo here; sleep 20; echo still here", stop_at="here"), end="")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="伪终端只在 POSIX 系统上有")
def test_ctrl_c_works_though_started_in_the_background(root, tmp_path):
    """sh 的 & 叫程序不理会 SIGINT，子进程会继承；终端里的程序不该继承它。"""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, str(tmp_path)], cwd=root, capture_output=True, text=True)
    assert done.stdout == "$ echo here; sleep 20; echo still here\nhere\n^C\n", done.stderr
