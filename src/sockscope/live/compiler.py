"""章里的 C 程序（``chapters/c``）现编现用。没有编译器的机器上说一句缺什么，读者还有录制可看。"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from sockscope import places
from sockscope.live.capability import Unavailable
from sockscope.live.folder import new_folder, remove_folder

__all__ = ["compiled", "compiler"]

SOURCES = places.ROOT / "chapters" / "c"
STRICT = ("-Wall", "-Wextra", "-Werror")
REMEDY = "补救：sudo apt install gcc libc6-dev。"


def compiler() -> str:
    """C 编译器的路径；没有则 ``Unavailable``。"""
    if found := shutil.which("cc"):
        return found
    raise Unavailable(f"这台机器没有 C 编译器。{REMEDY}")


@functools.cache
def compiled(name: str) -> str:
    """编译 ``chapters/c`` 里的一个程序，有一个警告都不行；返回可执行文件的路径，同一个只编一次。

    没有编译器、没有头文件，或者编好了不许运行，都是 ``Unavailable``；没有这个程序是 ``ValueError``。
    """
    source = SOURCES / f"{name}.c"
    if not source.exists():
        raise ValueError(f"没有 {name}.c 这个程序；有：{'、'.join(sorted(p.stem for p in SOURCES.glob('*.c')))}。")
    target = f"{_folder()}/{name}"
    done = subprocess.run([compiler(), *STRICT, "-o", target, source], capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "error" in line), f"退出码 {done.returncode}")
        raise Unavailable(f"这台机器的 C 编译器编不了 {name}.c（{said.strip()}）。{REMEDY}")
    if not os.access(target, os.X_OK):  # 文件系统挂载时带着 noexec
        raise Unavailable(f"{Path(target).parent} 里的程序不许运行。补救：把环境变量 TMPDIR 设成一个可以运行程序的文件夹。")
    return target


@functools.cache
def _folder() -> str:
    """放可执行文件的地方，进程退出时删去。"""
    made = new_folder(tempfile.gettempdir())
    atexit.register(remove_folder, made)
    return made.rstrip("/")
