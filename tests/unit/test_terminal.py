"""终端的编码不管是什么，命令行程序说得出话来，没有回溯。"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sockscope.terminal import Parser, lacking, speak_chinese

ROOT = Path(__file__).parents[2]
HIDE = 'import sys; sys.modules.update(dict.fromkeys(["nbclient", "nbgrader", "jupyterlab"]))'
PROGRAMS = {
    "sockscope": ["-m", "sockscope", "machine"], "notebook": ["-m", "sockscope.cells.notebook", "--help"],
    "grading": ["-m", "sockscope.grading", "--help"], "book": [ROOT / "book" / "build.py", "--help"]}


ASK = """
import contextlib, io, json, os, runpy, sys
for program in sys.argv[1:]:
    sys.path[0] = os.path.dirname(program)  # 与直接运行它时一样
    for given in ("--help", "--nothing"):
        print(program, given, file=sys.stderr, flush=True)
        sys.argv, told, code = [program, given], io.StringIO(), 0
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            try:
                (runpy.run_path if program.endswith(".py") else runpy.run_module)(program, run_name="__main__")
            except SystemExit as leaving:
                code = leaving.code
        print(json.dumps([program, given, code, told.getvalue()]))
"""
# 只由我们的程序来叫
INSIDE = {"live/usrsctp.py", "grading/exam/runner.py", "grading/course/fingerprints.py", "serve/leash.py",
          "measure/round_trip.py", "measure/idle_wait.py"}


def runnable() -> list[str]:
    """人会运行的程序：bench 与包里的写成模块，book 里的写成路径。"""
    found = [path for folder in ("bench", "book", "src/sockscope") for path in sorted(Path(ROOT, folder).rglob("*.py"))
             if '\nif __name__ == "__main__"' in path.read_text(encoding="utf-8")]
    found = [path for path in found if not path.as_posix().endswith(tuple(f"sockscope/{name}" for name in INSIDE))]
    return [str(path) if ROOT / "book" in path.parents else module(path) for path in found]


def module(path: Path) -> str:
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return dotted.removeprefix("src.").removesuffix(".__main__")


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str], tuple[int, str]]:
    """每个程序问 ``--help``，再给一个它没有的参数：在同一个进程里，导入就只要一回。"""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "book")])}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", ASK, *runnable()], env=env, cwd=ROOT,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return {(program, given): (code, told) for program, given, code, told in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("program", runnable(), ids=lambda program: program.removeprefix(f"{ROOT}/"))
def test_every_program_explains_itself_and_refuses_what_it_does_not_know(program, answers):
    """不懂的话当成没有听见、开始做起来，就可能做上半小时，或者改写量好的数。"""
    code, told = answers[program, "--help"]
    assert code == 0
    assert re.match("用法：|usage: ", told)
    assert re.search(r"[一-鿿]{4}", told.partition("\n")[2])
    code, told = answers[program, "--nothing"]
    assert code == 2
    assert "Traceback" not in told


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


SPEAK = "from sockscope.terminal import speak_chinese; speak_chinese(); print('一' * {count}); raise SystemExit({code})"


def spoken(count: int, out: Any) -> subprocess.CompletedProcess[str]:
    program = SPEAK.format(count=count, code=0)
    return subprocess.run([sys.executable, "-c", program], stdout=out, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="没有 /dev/full 的系统")
@pytest.mark.parametrize("count", [1, 100_000])
def test_a_full_disk_is_one_sentence(count):
    """写得少的到最后才写，写得多的写到一半：都是一句话，退出码是 1。"""
    with open("/dev/full", "w") as full:
        done = spoken(count, full)
    assert (done.returncode, done.stderr) == (1, "结果写不出去：No space left on device。\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows 的管道没有 SIGPIPE 那一套")
@pytest.mark.parametrize("count", [1, 100_000])
def test_a_reader_who_left_is_no_mistake(count):
    near, far = os.pipe()
    os.close(near)
    done = spoken(count, far)
    os.close(far)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_program_keeps_its_own_exit_code():
    done = subprocess.run([sys.executable, "-c", SPEAK.format(count=1, code=3)], capture_output=True, text=True, encoding="utf-8")
    assert (done.returncode, done.stdout, done.stderr) == (3, "一\n", "")
