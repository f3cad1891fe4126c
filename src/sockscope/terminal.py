"""终端里的中文：编码放不下的字，不该让一句话变成一段回溯。"""

from __future__ import annotations

import io
import sys

__all__ = ["speak_chinese"]


def speak_chinese() -> None:
    """命令行程序开头调用一次。终端的编码放不下中文就改用 UTF-8；放得下的（如 GBK），个别没有的字写成问号。"""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if _holds_chinese(stream.encoding) else "utf-8", errors="replace")


def _holds_chinese(encoding: str) -> bool:
    try:
        "中文（）".encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
