"""现成的工具看见什么：实验的函数做到最后一步、套接字还都开着的时候，在其中一台主机上运行 ss、nstat……

``moment`` 不空，就在那台主机上第一次有端点到了这个状态（``SYN_SENT``……）、或者这个调用（``send``……）返回了的时候看；
是 ``start``，就从头看到尾（tcpdump）。

    python -m sockscope record --tools       把书里用到的重录一遍，写进 recordings/tools/looks.json

输出是那个命令自己写的。每次不同的换成不变的：临时端口是 50001、50002……（按出现的次序），临时文件夹是 /tmp/app，套接字的
编号是 1001、1002……，TCP 的初始序号写作 …；ss 的各行排好序，它自己的次序是内核的散列表。时间戳那样的选项和行尾的空格去掉。
"""

from __future__ import annotations

import functools
import json
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from signal import SIGINT
from subprocess import TimeoutExpired
from types import CodeType, FrameType
from typing import Any

from sockscope import places
from sockscope.experiments.experiment import get
from sockscope.experiments.programs import find_program, require
from sockscope.live import Program, Unavailable
from sockscope.live.capability import kernel
from sockscope.live.pace import patience
from sockscope.trace import Trace

__all__ = ["FORMAT", "Look", "look", "looks", "recorded", "save", "taken"]

FORMAT = "sockscope-tools/1"
VARYING = (
    (re.compile(r"(?<=[:.])(3[2-9]\d{3}|[45]\d{4}|60\d{3})\b"), 50001),  # 临时端口：缺省的 ip_local_port_range 是 32768 到 60999
    (re.compile(r"(?<= )\d+(?= +\* \d)"), 1001),  # 套接字的编号（inode）
)
FOLDER = re.compile(r"\S*/sockscope-[^/\s]+")  # 网络的临时文件夹
INODES = re.compile(r"^(Netid.*Port) +(?=Peer)")  # ss -x 的表头有多宽，看编号（inode）有几位
GONE = re.compile(r" expires \d+sec|, options \[[^]]*\]")  # 每次不同、又不必看的
START_NUMBERS = re.compile(r"\b(seq|ack) \d{6,}")  # 握手里的初始序号
START = "start"
LIMIT = 5  # 一个工具至多看多久，秒


@dataclass(frozen=True)
class Look:
    """一次观看：哪个实验的哪个变体（``key``），在哪台主机上、到了哪个状态或哪个调用返回的时候（空的是最后），运行了什么命令。"""

    experiment: str
    key: str
    host: str
    command: str
    moment: str = ""


def look(wanted: Look, **values: Any) -> str:
    """做一遍实验，看一眼；返回命令的输出。做不了、缺这个工具抛 ``Unavailable``，没有等到那个时候抛 ``ValueError``。"""
    found = get(wanted.experiment)
    require((shlex.split(wanted.command)[0],))
    eye = _Eye(wanted)
    with _watching(found.function.__code__, eye):
        found.run(on_progress=eye.progress if wanted.moment not in ("", START) else None, **values)
    if not eye.seen:
        raise ValueError(f"{wanted.experiment}（{wanted.key}）里，{wanted.host} 没有等到 {wanted.moment}。")
    return steady(eye.seen[0], ordered=wanted.command.startswith("ss "))


@dataclass
class _Eye:
    """看一眼的人：``net`` 是实验的网络，函数一开始就知道；``seen`` 是看见的。"""

    wanted: Look
    net: Any = None
    tool: Program | None = None
    seen: list[str] = field(default_factory=list)

    def progress(self, trace: Trace) -> None:
        """实验进行中不时来问：到了那个时候没有。"""
        here = self.wanted.host, self.wanted.moment
        if not self.seen and (any((s.host, s.state) == here for s in trace.states)
                              or any((c.host, c.name) == here and c.end is not None for c in trace.calls)):
            self.see()

    def begin(self) -> None:
        """工具起来了：从头看到尾的，等它说自己在听了。"""
        host = getattr(self.net, self.wanted.host)
        program, *arguments = shlex.split(self.wanted.command)
        self.tool = host.program(find_program(program), *arguments, env={"LC_ALL": "C", "COLUMNS": "100"}, text=True)
        if self.wanted.moment == START:
            said = ""
            while "listening on" not in said:
                said = self.tool.stderr.readline()
                if not said:  # 起不来：多半是没有权
                    raise Unavailable(f"{program} 在这里听不了网口，放的是录制。")

    def end(self) -> None:
        """收下工具说的。从头看到尾的，网线静下来、一个包一行都写出来以后请它停下，它最后的统计不要。"""
        assert self.tool is not None
        seen = ""
        if self.wanted.moment == START:
            self.net.settle()
            seen = "".join(self.tool.stdout.readline() for _ in self.net.trace.packets)
            self.tool.send_signal(SIGINT)
        with self.tool as tool:
            try:
                said, complained = tool.communicate(timeout=patience(LIMIT))
            except TimeoutExpired:
                tool.kill()
                raise
        self.seen.append(seen + said if self.wanted.moment == START else said + complained)

    def see(self) -> None:
        self.begin()
        self.end()


@contextmanager
def _watching(code: CodeType, eye: _Eye) -> Iterator[None]:
    """函数开始的时候认得网络；没有指定时刻的，在它将要返回、局部变量还在的时候看：返回以后，套接字就关上了。"""
    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if frame.f_code is code and event == "call":
            eye.net = frame.f_locals["net"]
            if eye.wanted.moment == START:
                eye.begin()
        elif frame.f_code is code and event == "return":
            sys.setprofile(None)
            if eye.wanted.moment in ("", START):
                (eye.end if eye.tool else eye.see)()

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


def steady(text: str, ordered: bool = False) -> str:
    """换掉每次不同的；``ordered``：表头之后的各行排好序。"""
    text = START_NUMBERS.sub(r"\1 …", GONE.sub("", text))
    head, *rows = [line.rstrip() for line in text.strip().splitlines()] or [""]
    head = INODES.sub(r"\1 ", head)
    text = "\n".join([head, *(sorted(rows) if ordered else rows)])
    for pattern, first in VARYING:
        names: dict[str, str] = {}
        text = pattern.sub(lambda match: names.setdefault(match[0], str(first + len(names))), text)  # noqa: B023  # 当场用完
    return FOLDER.sub("/tmp/app", text)


# ---------------------------------------------------------------- 文件

@functools.cache
def _told() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((places.recordings() / "tools" / "looks.json").read_text(encoding="utf-8"))
    return told


def taken() -> str:
    """这些是录制，录于哪个内核：放在输出旁边的一句。"""
    return f"录制，{_told()['kernel']}"


@functools.cache
def looks() -> dict[Look, str]:
    """录下的全部观看和输出。"""
    told = _told()
    return {Look(*(item[part.name] for part in fields(Look))): item["text"] for item in told["looks"]}


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
    (places.recordings() / "tools" / "looks.json").write_text(f'{head}, "looks": [\n{lines}\n]}}\n', encoding="utf-8")
    _told.cache_clear()
    looks.cache_clear()


def record(wanted: Iterable[tuple[Look, dict[str, Any]]]) -> int:
    """重录这些观看，写回文件；``wanted`` 是 ``(观看, 实验的参数)``。返回看了几次；做不了抛 ``Unavailable``，旧的原样留着。"""
    made = {each: look(each, **values) for each, values in wanted}
    save(made, kernel().partition("-")[0])
    return len(made)
