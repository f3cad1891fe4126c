"""终端的编码不管是什么，命令行程序说得出话来，没有回溯。"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sockscope.terminal import Parser, lacking, speak_chinese

ROOT = Path(__file__).parents[2]
HIDE = 'import sys; sys.modules.update(dict.fromkeys(["nbclient", "nbgrader", "jupyterlab"]))'
PROGRAMS = {
    "sockscope": ["-m", "sockscope", "machine"], "notebook": ["-m", "sockscope.cells.notebook", "--help"],
    "grading": ["-m", "sockscope.grading", "--help"], "book": [ROOT / "book" / "build.py", "--help"]}


def said(encoding: str, *command: str | Path) -> tuple[str, str]:
    done = subprocess.run([sys.executable, *command], env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True)
    return tuple(out.decode("gbk" if encoding == "gbk" else "utf-8") for out in (done.stdout, done.stderr))


@pytest.mark.parametrize("encoding", ["gbk", "latin-1", "ascii", "utf-8"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_speaks_in_every_encoding(program, encoding):
    output, complaint = said(encoding, *PROGRAMS[program])
    assert any("一" <= letter <= "鿿" for letter in output), output
    assert "Traceback" not in complaint


def test_a_letter_that_is_missing_is_a_question_mark():
    output, complaint = said("gbk", "-c", "from sockscope.terminal import speak_chinese; speak_chinese(); print('对 ✓')")
    assert (output.split(), complaint) == (["对", "?"], "")


def test_what_is_no_terminal_is_left_alone(capsys):
    speak_chinese()  # pytest 把标准输出换成了别的
    print("照旧")
    assert capsys.readouterr().out == "照旧\n"


@pytest.mark.parametrize(("line", "sentence"), [
    ("3", "还缺 --need"), ("--need 1 x --more", "没有这样的参数：--more"), ("--need", "--need：后面要写一个值"),
    ("--need x", "--need：x 不是它要的那种值"), ("--need 1 --flag=2", "--flag：它不要值，却写了 2"),
    ("--need 1 --kind c", "--kind：没有 c，可以是 a, b"), ("--need 1 --flag --other", "--other：不能与 --flag 一起用"),
    ("--nee 1", "还缺 --need"), ("--need 1 --two 5", "--two：后面要写 2 个值")])
def test_argparse_complains_in_chinese(capsys, line, sentence):
    parser = Parser(prog="程序")
    parser.add_argument("given", nargs="?")
    parser.add_argument("--need", type=int, required=True)
    parser.add_argument("--kind", choices=["a", "b"])
    parser.add_argument("--two", nargs=2)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--flag", action="store_true")
    either.add_argument("--other", action="store_true")
    with pytest.raises(SystemExit):
        parser.parse_args(line.split())
    complaint = capsys.readouterr().err
    assert complaint.replace("'", "") == f"看不懂这条命令（{sentence}）；程序 --help 说明用法。\n"  # 引号各个版本不一样


def test_help_is_chinese(capsys):
    with pytest.raises(SystemExit):
        Parser(prog="程序", description="做一件事。").parse_args(["-h"])
    assert re.sub(r"\s+", " ", capsys.readouterr().out) == "用法：程序 [-h] 做一件事。 选项: -h, --help 显示这些用法 "


def test_a_missing_extra_is_one_sentence_with_its_remedy():
    assert lacking("grading", "json") == ""
    assert lacking("grading", "json", "no_such_module") == "还没有装 no_such_module；补救：pip install 'sockscope[grading]'。"


@pytest.mark.parametrize("argv", [["-m", "sockscope.grading", "machine"], ["-m", "sockscope", "compare", "--cells"],
                                  ["-m", "sockscope.serve", "--no-browser"]], ids=lambda argv: argv[1])
def test_without_its_extra_a_program_says_so_and_does_nothing(argv, tmp_path):
    """只有核心依赖的环境：别的都当作没有装。"""
    (tmp_path / "sitecustomize.py").write_text(HIDE)
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, *argv], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r".*还没有装 .+；补救：pip install 'sockscope\[\w+\]'。.*\n", done.stderr), done.stderr
