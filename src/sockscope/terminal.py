"""终端里的中文：编码放不下的字、没有人读的管道、写满的盘，不该让一句话变成一段回溯；argparse 自己的话也说成中文。"""

from __future__ import annotations

import argparse
import atexit
import io
import os
import re
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any, NoReturn

__all__ = ["Parser", "lacking", "speak_chinese"]

# argparse 的话，一句一行：开头的“argument 名字: ”先变成“名字：”。认不出的照原样说。
SENTENCES = {
    r"unrecognized arguments: (.*)": r"没有这样的参数：\1",
    r"the following arguments are required: (.*)": r"还缺 \1",
    r"one of the arguments (.*) is required": r"\1 之中要写一个",
    r"ambiguous option: (\S+) could match (.*)": r"\1 可以是 \2，写全它",
    r"expected one argument": "后面要写一个值",
    r"expected at least one argument": "后面至少要写一个值",
    r"expected (\d+) arguments?": r"后面要写 \1 个值",
    r"ignored explicit argument (.*)": r"它不要值，却写了 \1",
    r"not allowed with argument (.*)": r"不能与 \1 一起用",
    r"invalid \w+ value: (.*)": r"\1 不是它要的那种值",
    r"invalid choice: (.*) \(choose from (.*)\)": r"没有 \1，可以是 \2",
}


UNREAD = 141  # 读的人走了：与被 SIGPIPE 终止的程序同一个退出码


def speak_chinese() -> None:
    """命令行程序开头调用一次。终端的编码放不下中文就改用 UTF-8；放得下的（如 GBK），个别没有的字写成问号。

    写不出去的标准输出，一句话就结束；没有人读了（``| head``），一句话也不说。
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if _holds_chinese(stream.encoding) else "utf-8", errors="replace")
    if type(sys.stdout) is io.TextIOWrapper and sys.stdout is sys.__stdout__:
        told = {"encoding": sys.stdout.encoding, "errors": "replace", "line_buffering": sys.stdout.line_buffering}
        sys.stdout = _Output(sys.stdout.detach(), **told)  # type: ignore[arg-type]
        atexit.register(sys.stdout.last)


class _Output(io.TextIOWrapper):
    """标准输出。写不出去就不再写，以 ``SystemExit`` 结束，别的该收拾的照样收拾。"""

    code = 0

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as problem:
            raise SystemExit(self._give_up(problem)) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as problem:
            raise SystemExit(self._give_up(problem)) from None

    def last(self) -> None:
        """最后一次写：这时再抛什么，退出码也改不了了。"""
        try:
            super().flush()
        except OSError as problem:
            self._give_up(problem)
        if self.code:
            sys.stderr.flush()
            os._exit(self.code)

    def _give_up(self, problem: OSError) -> int:
        self.code = UNREAD if isinstance(problem, BrokenPipeError) else 1
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), self.fileno())
        if self.code != UNREAD:
            print(f"结果写不出去：{problem.strerror}。", file=sys.stderr)
        return self.code


def lacking(extra: str, *modules: str) -> str:
    """附加依赖 ``extra`` 没有装齐时的一句话；齐了则为空串。"""
    missing = [name for name in modules if find_spec(name) is None]
    return f"还没有装 {'、'.join(missing)}；补救：pip install 'sockscope[{extra}]'。" if missing else ""


def _holds_chinese(encoding: str) -> bool:
    try:
        "中文（）".encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


class Parser(argparse.ArgumentParser):
    """说中文的 ArgumentParser：用法、标题、错误。选项要写全。"""

    def __init__(self, **options: Any) -> None:
        help_too = options.pop("add_help", True)
        super().__init__(**{"formatter_class": _Formatter, "allow_abbrev": False, **options}, add_help=False)
        self._positionals.title, self._optionals.title = "参数", "选项"
        if help_too:
            self.add_argument("-h", "--help", action="help", help="显示这些用法")

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"看不懂这条命令（{_in_chinese(message)}）；{self.prog} --help 说明用法。\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def add_usage(self, usage: str | None, actions: Iterable[argparse.Action], groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, "用法：" if prefix is None else prefix)


def _in_chinese(message: str) -> str:
    parts = re.fullmatch(r"(?:argument (\S+): )?(.*)", message, re.DOTALL)
    assert parts is not None    # 什么文字都配得上
    name, said = parts.groups()
    for english, chinese in SENTENCES.items():
        if found := re.fullmatch(english, said, re.DOTALL):
            said = found.expand(chinese)
            break
    return f"{name}：{said}" if name else said
