"""``%%c``：在 JupyterLab 里把 C 写的一格编译一遍，编不过的说在第几行；运行它的是 ``check(...)``，在一个新的进程里。"""

from __future__ import annotations

import os
import re
import sys

from sockscope.grading.exam.cc import TOO_LARGE, build
from sockscope.grading.exam.lab import labs
from sockscope.grading.exam.student import clean
from sockscope.grading.exam.workshop import headers, remarks
from sockscope.live import Unavailable
from sockscope.live.compiler import compiler
from sockscope.live.folder import new_folder, remove_folder

__all__ = ["attach", "compiled_cell"]

MARK = re.compile(r"\s*//\s*答题格[：:]\s*([a-z][a-z0-9_]*)")
HEADER = re.compile(r'^\s*#\s*include\s*"(lab\d\d)\.h"', re.MULTILINE)
MOST = 8  # 至多说几处
KINDS = {"error": "编译器说", "warning": "编译器提醒"}


def attach() -> None:
    """在 IPython 里登记 ``%%c``；不在里面就什么也不做。"""
    if ipython := sys.modules.get("IPython"):
        shell = ipython.get_ipython()
        if shell is not None:
            shell.register_magic_function(c, "cell", "c")


def c(_line: str, cell: str) -> None:
    """``%%c``：编译这一格，打印结果。"""
    print(compiled_cell("\n" + cell))


def compiled_cell(text: str) -> str:
    """编译一格（行号从 ``%%c`` 那一行数起），返回要对学生说的话。"""
    found = MARK.match(text)
    if found is None:
        return "没有编译：%%c 的下一行要写明是哪一格，如 // 答题格：echo。"
    wanted = HEADER.search(text)
    own = [header for lab in labs().values() if wanted and lab.name == wanted[1] for header in headers(lab)]
    try:
        cc = compiler()
    except Unavailable as lacking:
        return str(lacking)
    folder = new_folder()
    try:
        library, said = build(os.path.realpath(cc), found[1], text, own, folder)
    finally:
        remove_folder(folder)
    lines = [f"第 {line} 行，{KINDS[kind]}：{clean(words)}" for line, kind, words in remarks(said, found[1], text)
             if kind in KINDS and line][:MOST]
    return "\n".join([outcome(library, said, bool(lines)), *lines])


def outcome(library: bytes, said: str, placed: bool) -> str:
    if library:
        return "编译好了。运行下面的 check(...) 来试它。"
    if placed or said == TOO_LARGE:
        return f"没有编译成{'' if placed else f'：{TOO_LARGE}'}。"
    return "没有编译成，编译器说：\n" + "\n".join(clean(line) for line in said.splitlines()[:MOST])
