"""章里的 C 程序怎样编译、怎样比较。在 CI 上缺了编译器或网线就是失败；在别处说明缺什么，跳过。"""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sockscope import Network, Trace, capability

FOLDER = Path(__file__).parents[2] / "chapters" / "c"


def missing() -> str:
    """编译、运行 C 程序还缺什么；不缺则为空。"""
    if shutil.which("cc") is None:
        return "没有 C 编译器（apt install gcc）"
    return "" if capability().level == "cable" else capability().sentence


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """比较两次的包，就不许定时器插话：不延迟确认，机器停顿半秒也不重传。"""
    for name, value in {"delayed_ack": False, "rto_min": 1.0}.items():
        monkeypatch.setitem(inspect.unwrap(Network.__init__).__kwdefaults__, name, value)


@pytest.fixture
def build(tmp_path: Path, calm: None) -> Callable[[str], str]:
    """编译 chapters/c 里的一个程序，有一个警告都不行；返回可执行文件的路径。"""
    if lacking := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(lacking)

    def compile_one(name: str) -> str:
        target = str(tmp_path / name)
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", target, FOLDER / f"{name}.c"], check=True)
        return target

    return compile_one


@pytest.fixture
def wire() -> Callable[[Trace], list[str]]:
    """规范形式里的包。"""
    return lambda trace: [x for x in trace.canonical() if x.startswith("包")]
