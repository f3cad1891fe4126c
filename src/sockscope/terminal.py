"""终端里的中文：编码放不下的字，不该让一句话变成一段回溯；argparse 自己的话也说成中文。"""

from __future__ import annotations

import argparse
import io
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


def speak_chinese() -> None:
    """命令行程序开头调用一次。终端的编码放不下中文就改用 UTF-8；放得下的（如 GBK），个别没有的字写成问号。"""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if _holds_chinese(stream.encoding) else "utf-8", errors="replace")


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
