"""一个人的名字：平台怎样写，我们就怎样留；当文件名时可逆地转义；看上去一样的指出来，但从不合并。

转义的规矩（``escape``）：小写的字母、汉字、数字和 ``_ - . @``、中间的空格照写；大写字母写成 ``,`` 加小写；
别的字写成 ``,`` 加十六进制的位数，再加十六进制的码位。所以 ``Li/1`` 写成 ``,li,22f1``。任何两个不同的名字，
转义之后在不分大小写、会做 NFC 的文件系统上也不同；Windows 的保留名（``con``）、开头的点与减号、结尾的点与空格都不会出现。
太长的截短，加 ``,0`` 和摘要：这样的读不回来，整个名字在答卷的 JSON 里。
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

__all__ = ["alike", "another", "escape", "legacy", "printable", "skeleton", "unescape", "visible"]

LONGEST = 180  # 文件名最多 255 个字节，还要放下 .json、前后的点和临时文件的进程号
PUNCTUATION = "_-.@ "
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)")
CODE = re.compile(r",(?:([1-6])|([^\d,]))")

# 与拉丁字母长得一样的西里尔与希腊小写字母（UTS #39 的 confusables 里最常见的一部分）；全角、上标之类由 NFKC 归一
SAME = str.maketrans("аеорсухіјѕԁһӏкмтвнαορνικτυ", "aeopcyxijsdhlkmtbhaopvikty")


def escape(name: str) -> str:
    """名字写成文件名。不同的名字写成不同的文件名；``unescape`` 读得回来。空的抛 ``ValueError``。"""
    if not name:
        raise ValueError("名字是空的。")
    made = [_escaped(c) for c in name]
    if name[0] in "-. ":
        made[0] = _code(name[0])
    if name[-1] in ". ":
        made[-1] = _code(name[-1])
    if RESERVED.match("".join(made)):
        made[0] = _code(name[0])
    text = "".join(made)
    if len(text.encode()) <= LONGEST:
        return text
    while len("".join(made).encode()) > LONGEST - 34:
        made.pop()
    return "".join(made) + _digest(name)


def another(name: str) -> str:
    """``escape`` 给出的文件名已经是别人的（从前的版本留下的）：另一个，同样不会与谁重名。"""
    return "".join(_escaped(c) for c in name[:8]) + _digest(name)


def _digest(name: str) -> str:
    return ",0" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _escaped(c: str) -> str:
    if c in PUNCTUATION or (c.isalnum() and _steady(c)):
        return c
    small = c.lower()
    if len(small) == 1 and small != c and small.upper() == c and _steady(small):
        return f",{small}"
    return _code(c)


def _steady(c: str) -> bool:
    """折叠大小写、归一之后还是它自己，也不与前后的字合成一个（谚文的字母会）。"""
    return c.casefold() == c and c.upper().lower() == c and unicodedata.normalize("NFKC", c) == c \
        and not 0x1100 <= ord(c) <= 0x11FF


def _code(c: str) -> str:
    digits = f"{ord(c):x}"
    return f",{len(digits)}{digits}"


def unescape(text: str) -> str | None:
    """文件名读回名字；截短过的为 None。从前的课程文件夹里的名字里没有逗号，读出来还是它自己。"""
    found, at = [], 0
    while at < len(text):
        if text[at] != ",":
            found.append(text[at])
            at += 1
            continue
        mark = CODE.match(text, at)
        if mark is None:
            return None
        if mark[2]:
            found.append(mark[2].upper())
            at = mark.end()
        else:
            end = mark.end() + int(mark[1])
            found.append(chr(int(text[mark.end():end], 16)))
            at = end
    return "".join(found)


UNSAFE = re.compile(r"[^\w.-]+")


def legacy(name: str) -> str:
    """从前怎样把名字写成文件名：会把不同的人写成同一个。只用来认出从前收下的答卷。"""
    made = UNSAFE.sub("_", name.strip()).strip("._-")
    return made if len(made) <= 60 else f"{made[:51]}-{hashlib.sha256(made.encode()).hexdigest()[:8]}"


# ---------------------------------------------------------------- 给人看

def printable(text: str) -> str:
    """终端里的一行：控制字符、换行、改变方向的字符都写成一个点。"""
    return "".join(c if c.isprintable() else "·" for c in text)


def visible(text: str) -> str:
    """看不见的字和不寻常的空格写出码位：``张‹U+200B›三``。"""
    return "".join(c if c == " " or (c.isprintable() and not c.isspace()) else f"‹U+{ord(c):04X}›" for c in text)


def skeleton(text: str) -> str:
    """看上去是什么：NFKC，不分大小写，西里尔与希腊的同形字当拉丁字母，标点、空格和看不见的字不算。"""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(SAME)
    return "".join(c for c in unicodedata.normalize("NFKC", folded) if c.isalnum())


def alike(names: Iterable[str]) -> list[str]:
    """名单里看上去一样的，一组一句话。"""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(skeleton(name), []).append(name)
    return [f"{'、'.join(f'“{visible(n)}”' for n in group)} 看上去一样{_difference(*group[:2])}，当作 {len(group)} 个人。"
            for shape, group in groups.items() if shape and len(group) > 1]


def _difference(one: str, other: str) -> str:
    """两个名字从哪一个字开始不同；只是长短不同则不说。"""
    for place, (a, b) in enumerate(zip(one, other, strict=False), 1):
        if a != b:
            return f"（第 {place} 个字是 U+{ord(a):04X} 与 U+{ord(b):04X}）"
    return ""
