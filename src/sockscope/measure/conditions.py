"""几种测量共用的：在哪里量的，怎样运行被量的程序，文件怎样读回。"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sockscope.measure.results import MeasurementError

__all__ = ["date", "kernel", "machine", "origin", "output", "read"]

Made = TypeVar("Made")


def machine() -> str:
    """处理器的名字和核数。"""
    name = platform.processor() or platform.machine()
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        name = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), name)
    return f"{name}（{os.cpu_count()} 核）"


def kernel() -> str:
    """内核的名字和版本，不带发行版加的尾巴。"""
    return f"{platform.system()} {platform.release().partition('-')[0]}"


def date(recorded: bool) -> str:
    """录制的日期；只是量一下，就是空的。"""
    return datetime.now(UTC).date().isoformat() if recorded else ""


def origin(recorded: str, *where: str) -> str:
    """在哪里、什么时候量的，一句话。"""
    how = f"录制于 {recorded}" if recorded else "实时：刚刚在你的机器上量的"
    return f"{how}；{'，'.join(filter(None, where))}。"


def output(command: Sequence[str], what: str, limit: float) -> str:
    """运行一趟，返回它打印的。``limit`` 秒跑不完、或者失败，抛 ``OSError``，说明 ``what`` 没有量成。"""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit).stdout
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
        raise OSError(f"{what} 没有量成：{''.join(said)}") from None


def read(path: Path, form: str, build: Callable[[dict[str, Any]], Made], again: str) -> Made:
    """读一份测量。没有抛 ``FileNotFoundError``，不合格式抛 ``MeasurementError``，说明怎样重录（``again`` 是参数）。"""
    try:
        value = json.loads(path.read_bytes())
        if value.pop("format") != form:
            raise ValueError("format")
        return build(value)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MeasurementError(f"测量 {path.name} 不合格式（{error}）。运行 python -m sockscope.measure {again} 重录。") from None
