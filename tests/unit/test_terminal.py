"""终端的编码不管是什么，命令行程序说得出话来，没有回溯。"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sockscope.terminal import speak_chinese

PROGRAMS = {"sockscope": "machine", "sockscope.notebook": "--help", "sockscope.grading": "--help"}


def said(encoding: str, *command: str) -> tuple[str, str]:
    done = subprocess.run([sys.executable, *command], env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True)
    return tuple(out.decode("gbk" if encoding == "gbk" else "utf-8") for out in (done.stdout, done.stderr))


@pytest.mark.parametrize("encoding", ["gbk", "latin-1", "ascii", "utf-8"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_speaks_in_every_encoding(program, encoding):
    output, complaint = said(encoding, "-m", program, PROGRAMS[program])
    assert any("一" <= letter <= "鿿" for letter in output), output
    assert "Traceback" not in complaint


def test_a_letter_that_is_missing_is_a_question_mark():
    output, complaint = said("gbk", "-c", "from sockscope.terminal import speak_chinese; speak_chinese(); print('对 ✓')")
    assert (output.split(), complaint) == (["对", "?"], "")


def test_what_is_no_terminal_is_left_alone(capsys):
    speak_chinese()  # pytest 把标准输出换成了别的
    print("照旧")
    assert capsys.readouterr().out == "照旧\n"
