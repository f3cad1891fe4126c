"""文字有多宽：图里按像素估计，终端里按格数。

字体由读者的机器决定，所以只能估计：汉字与全角符号 1 em，等宽西文 0.6 em。估计偏宽一点，排出来就不会挤。
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate, islice
from operator import sub

__all__ = ["cells", "cut", "pad", "width"]


@lru_cache(maxsize=2048)
def _em(char: str) -> float:
    kind = unicodedata.east_asian_width(char)
    if kind in "WF":
        return 1.0
    if unicodedata.combining(char):
        return 0.0
    return 0.92 if kind == "A" and char in "→←…—·✕×⌇“”‘’′" else 0.61


def width(text: str, size: float) -> float:
    """``text`` 以 ``size`` 像素的字号排出来，大约多少像素宽。"""
    return sum(map(_em, text)) * size


def cut(text: str, size: float, room: float) -> str:
    """放得下就原样返回，否则截短并以 … 结尾。"""
    if width(text, size) <= max(room, 0):
        return text
    return _fitting(text, room - width("…", size), lambda char: _em(char) * size).rstrip() + "…"


def _fitting(text: str, room: float, taken: Callable[[str], float]) -> str:
    """从头起放得下的那几个字。"""
    left = accumulate(map(taken, text), sub, initial=room)
    return text[:sum(rest >= 0 for rest in islice(left, 1, None))]


@lru_cache(maxsize=2048)
def _cell(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cells(text: str) -> int:
    """终端里占几格。"""
    return sum(map(_cell, text))


def pad(text: str, room: int, align: str = "left") -> str:
    """补空格（或截短）到恰好 ``room`` 格。"""
    if cells(text) > room:
        text = _fitting(text, room - 1, _cell) + "…"
    blank = " " * (room - cells(text))
    return blank + text if align == "right" else text + blank
