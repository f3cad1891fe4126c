"""现成的工具看见什么：实验的函数做到最后一步、套接字还都开着的时候，在其中一台主机上运行 ss、nstat……

    python -m sockscope.pages.symptoms --record       把书里用到的重录一遍，写进 recordings/tools.json

输出是那个命令自己写的，只把每次不同的临时端口换成 50001、50002……（按出现的次序），行尾的空格去掉。
"""

from __future__ import annotations

import functools
import json
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from subprocess import TimeoutExpired
from types import CodeType, FrameType
from typing import Any

from sockscope import places
from sockscope.experiments.experiment import get
from sockscope.experiments.programs import require
from sockscope.live.pace import patience

__all__ = ["FORMAT", "Look", "look", "looks", "recorded", "save"]

FORMAT = "sockscope-tools/1"
EPHEMERAL = re.compile(r"(?<=:)(3[2-9]\d{3}|[45]\d{4}|60\d{3})\b")  # 缺省的 ip_local_port_range：32768 到 60999
LIMIT = 5  # 一个工具至多看多久，秒


@dataclass(frozen=True)
class Look:
    """一次观看：哪个实验的哪个变体（``key``），在哪台主机上运行了什么命令。"""

    experiment: str
    key: str
    host: str
    command: str


def look(wanted: Look, **values: Any) -> str:
    """做一遍实验，在最后一步看一眼；返回命令的输出。做不了、缺这个工具抛 ``Unavailable``。"""
    found = get(wanted.experiment)
    program, *arguments = shlex.split(wanted.command)
    require((program,))
    seen: list[str] = []

    def see(frame: FrameType) -> None:
        host = getattr(frame.f_locals["net"], wanted.host)
        with host.program(program, *arguments, env={"LC_ALL": "C", "COLUMNS": "100"}, text=True) as tool:
            try:
                said, complained = tool.communicate(timeout=patience(LIMIT))
            except TimeoutExpired:
                tool.kill()
                raise
        seen.append(steady(said + complained))

    with _at_return(found.function.__code__, see):
        found.run(**values)
    return seen[0]


@contextmanager
def _at_return(code: CodeType, see: Any) -> Iterator[None]:
    """这个函数将要返回、局部变量还在的时候，叫一次 ``see``：返回以后，套接字就关上了。"""
    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "return" and frame.f_code is code:
            sys.setprofile(None)
            see(frame)

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


def steady(text: str) -> str:
    """去掉每次不同的：临时端口按出现的次序编号，行尾的空格不要。"""
    ports: dict[str, str] = {}
    numbered = EPHEMERAL.sub(lambda match: ports.setdefault(match[0], str(50001 + len(ports))), text)
    return "\n".join(line.rstrip() for line in numbered.strip().splitlines())


# ---------------------------------------------------------------- 文件

@functools.cache
def looks() -> dict[Look, str]:
    """录下的全部观看和输出。"""
    told = json.loads((places.recordings() / "tools.json").read_text(encoding="utf-8"))
    return {Look(*(item[name] for name in ("experiment", "key", "host", "command"))): item["text"] for item in told["looks"]}


def recorded(wanted: Look) -> str:
    """录下的输出。没有录过抛 ``KeyError``，消息说明怎样录。"""
    try:
        return looks()[wanted]
    except KeyError:
        raise KeyError(f"没有录过 {wanted.command}（{wanted.experiment} {wanted.key}）：运行 make record。") from None


def save(made: dict[Look, str], kernel: str) -> None:
    """写回文件，一次观看一行。"""
    lines = ",\n".join(json.dumps(asdict(wanted) | {"text": text}, ensure_ascii=False) for wanted, text in made.items())
    head = json.dumps({"format": FORMAT, "kernel": kernel})[:-1]
    (places.recordings() / "tools.json").write_text(f'{head}, "looks": [\n{lines}\n]}}\n', encoding="utf-8")
    looks.cache_clear()


def record(wanted: Iterable[tuple[Look, dict[str, Any]]], kernel: str) -> None:
    """重录这些观看；``wanted`` 是 ``(观看, 实验的参数)``。"""
    save({each: look(each, **values) for each, values in wanted}, kernel)
