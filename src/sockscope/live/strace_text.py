"""读懂 strace 写下的一行：什么时候，谁，哪个系统调用，参数是什么，返回了什么。

strace 用 ``-xx`` 把一切字节串（连描述符后面的名字）写成十六进制，所以引号里不会有别的意思；其余的照 C 的样子写：
``{名字=值}`` 是结构体，``[…]`` 是数组，``名字(…)`` 是宏或函数，``旧 => 新`` 是调用前后不同的值。这里把它们变成
Python 的值：结构体是 dict，数组是 list，其余见下面的几个类；单独的词（标志、NULL、数）就是它的文字。
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Bytes", "Change", "Fd", "Line", "Made", "Returned", "lines", "parse", "returned"]

HEAD = re.compile(r"(\d+) +(\d+)\.(\d{9}) (.*)", re.DOTALL)
RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
UNFINISHED = " <unfinished ...>"
COMMENT = re.compile(r"/\*.*?\*/")
RETURN = re.compile(r"(.*)\)\s+= (\?|-?\w+)(<[^>]*>)?(?: (E[A-Z0-9]+))?(?: \((.*)\))?(?: <(\d+)\.(\d{9})>)?", re.DOTALL)
TOKEN = re.compile(
    r'\s*(?:(@?)(")((?:\\x[0-9a-f]{2})*)"(\.\.\.)?|(-?\w+)<((?:\\x[0-9a-f]{2})*)>|(=>)|([{}\[\](),=])|([^\s,{}\[\]()="<>]+|<<|.))')


@dataclass(frozen=True)
class Line:
    """一行：进程号、时刻（1970 年以来的纳秒）、其余的文字；``whole``：这一行写完了。"""

    pid: int
    t: int
    text: str
    whole: bool


@dataclass(frozen=True)
class Bytes:
    """一串字节；``whole`` 为 False 时后面还有没写的。``abstract``：前面有 ``@``，是抽象名字。"""

    data: bytes
    whole: bool = True
    abstract: bool = False


@dataclass(frozen=True)
class Fd:
    """一个描述符和内核给它的名字，如 ``socket:[31337]``。"""

    number: int
    name: str

    @property
    def inode(self) -> int:
        """套接字的编号；不是套接字则为 0。"""
        return int(self.name[8:-1]) if self.name.startswith("socket:[") else 0


@dataclass(frozen=True)
class Made:
    """``htons(80)`` 一类：名字和参数。"""

    name: str
    args: list[Any]


@dataclass(frozen=True)
class Change:
    """``[128 => 16]``：调用前后的值。"""

    before: Any
    after: Any


@dataclass(frozen=True)
class Returned:
    """一次返回：参数的文字、返回值（``?`` 是没有返回）、返回的描述符、errno 的名字、括号里的补充、用了多少纳秒。"""

    args: str
    value: str
    fd: Fd | None
    errno: str
    more: str
    spent: int | None


def lines(text: str) -> Iterator[Line]:
    """一行一行地读。最后一行没有写完的（那次调用还阻塞着），也交出来。"""
    for row in text.splitlines(keepends=True):
        if found := HEAD.match(row.rstrip("\n")):
            yield Line(int(found[1]), int(found[2] + found[3]), found[4], row.endswith("\n"))


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def returned(text: str) -> Returned | None:
    """``name(`` 之后的文字里的返回；没有则为 None。"""
    if not (found := RETURN.fullmatch(text)):
        return None
    name = unhex(found[3][1:-1]).decode(errors="replace") if found[3] else ""
    spent = int(found[6] + found[7]) if found[6] else None
    return Returned(found[1], found[2], Fd(int(found[2]), name) if name else None, found[4] or "", found[5] or "", spent)


def parse(text: str) -> list[Any]:
    """一串参数。写到一半的（还阻塞着），读到哪里算哪里。"""
    return _Reader(TOKEN.findall((COMMENT.sub("", text) if "/*" in text else text).strip())).several("")


class _Reader:
    """从左到右读一遍记号；一个记号是 ``TOKEN`` 的九组：@、引号、字节、省略号、描述符、它的名字、=>、标点、词。"""

    def __init__(self, tokens: list[tuple[str, ...]]) -> None:
        self.tokens, self.place, self.end = tokens, 0, len(tokens)

    def peek(self) -> str:
        """下一个标点；不是标点，或到了头，则为空串。"""
        if self.place >= self.end:
            return ""
        token = self.tokens[self.place]
        return token[7] or token[6]

    def several(self, closing: str) -> list[Any]:
        found: list[Any] = []
        while self.place < self.end:
            mark = self.peek()
            if mark and mark == closing:
                break
            if mark in (",", ")", "]", "}"):
                self.place += 1
                continue
            found.append(self.changing())
        self.place += 1
        return found

    def struct(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.place < self.end and (mark := self.peek()) != "}":
            if mark == ",":
                self.place += 1
                continue
            value = self.changing()
            if self.peek() == "=":
                self.place += 1
                found[str(value)] = self.changing()
            else:
                found[value.name if isinstance(value, Made) else str(value)] = value
        self.place += 1
        return found

    def changing(self) -> Any:
        value = self.value()
        if self.peek() != "=>":
            return value
        self.place += 1
        return Change(value, self.value())

    def value(self) -> Any:
        if self.place >= self.end:
            return ""
        at, quote, data, dots, number, name, arrow, mark, word = self.unpacked()
        if quote:
            return Bytes(unhex(data), not dots, bool(at))
        if number:
            return Fd(int(number), unhex(name).decode(errors="replace")) if number.lstrip("-").isdigit() else number
        if mark == "[":
            return self.several("]")
        if mark == "{":
            return self.struct()
        if word and self.peek() == "(":
            self.place += 1
            return Made(word, self.several(")"))
        return word or mark or arrow

    def unpacked(self) -> tuple[str, ...]:
        self.place += 1
        return self.tokens[self.place - 1]
