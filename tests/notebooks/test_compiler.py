"""章里的 C 程序现编现用：缺编译器、缺头文件、不许运行，都是一句话。"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sockscope import Unavailable
from sockscope.live import compiler as module

NO_COMPILER = "这台机器没有 C 编译器。补救：sudo apt install gcc libc6-dev。"


@pytest.fixture(autouse=True)
def forgetful(tmp_path, monkeypatch):
    """编好的不留到下一个测试。"""
    monkeypatch.setattr(module, "_folder", lambda: str(tmp_path))
    module.compiled.cache_clear()
    yield
    module.compiled.cache_clear()


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """一个假的 cc：内容由测试写。"""
    def write(script: str) -> None:
        program = tmp_path / "cc"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return write


def test_compiled_once_and_runs(build):
    program = module.compiled("sockaddr_layout")
    assert module.compiled("sockaddr_layout") is program
    assert b"sockaddr_in" in subprocess.check_output([program])


def test_no_compiler(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    for ask in (module.compiler, lambda: module.compiled("ping")):
        with pytest.raises(Unavailable) as said:
            ask()
        assert str(said.value) == NO_COMPILER


def test_no_header_files(stand_in):
    stand_in('echo "ping.c:1:10: fatal error: stdio.h: No such file or directory" >&2; exit 1')
    with pytest.raises(Unavailable, match=r"编不了 ping.c（.*stdio.h.*）。补救：sudo apt install gcc libc6-dev。"):
        module.compiled("ping")


def test_a_folder_where_nothing_may_run(stand_in):
    stand_in('while [ "$1" != -o ]; do shift; done; echo > "$2"')  # 编好了，却没有执行权，像挂载时带着 noexec
    with pytest.raises(Unavailable, match="里的程序不许运行。补救：把环境变量 TMPDIR 设成"):
        module.compiled("ping")


def test_no_such_program():
    with pytest.raises(ValueError, match=r"没有 pong.c 这个程序；有：.*ping"):
        module.compiled("pong")


def test_the_folder_goes_with_the_process(build):
    ask = "from sockscope.live.compiler import compiled; print(compiled('ping'))"
    program = subprocess.check_output([sys.executable, "-c", ask], text=True).strip()
    assert not Path(program).parent.exists()
