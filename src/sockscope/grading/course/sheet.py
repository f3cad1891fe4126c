"""平台导出的一张表：改几格，别的一个字节也不动。

平台自己的表最容易导回去，所以编码、BOM、分隔、换行、引号、列的次序都照原样留着：先记下每一格在原文的哪里，
写的时候只换掉那几段。我们切出来的格子要与 ``csv`` 读出来的一样，不一样就不碰它。
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sockscope.grading.course.names import printable
from sockscope.grading.course.roster import Member, _kinds, _member
from sockscope.grading.course.tables import decoded, given, readings

__all__ = ["Cell", "Sheet"]

CODECS = ((b"", "utf-8"), (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
          (b"", "utf-16-le"), (b"", "gb18030"))
SPLIT = {"lastname": "last", "firstname": "first"}  # Canvas 分开写姓名时的表头
TEST = {"Student, Test", "Test Student"}  # Canvas 的测试学生


@dataclass(frozen=True)
class Cell:
    """一格：``text`` 是里面的文字；``start``、``end`` 是它在原文里的位置，连同引号。"""

    text: str
    start: int
    end: int
    quoted: bool = False


class Sheet:
    """一张表。``head`` 是表头在第几行；``kinds`` 是各列的种类（见名单），不认得的为空；``people`` 是行号 → 人；

    ``owners`` 是（号的种类，号）→ 行号。
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.bom, self.codec, self.text = _decoded(name, data)
        self.delimiter, self.rows, self.head = _table(name, self.text)
        self.heads = [cell.text.strip() for cell in self.rows[self.head]]
        self.kinds = _columns(self.heads)
        self.people = dict(self._people())
        self.owners: dict[tuple[str, str], list[int]] = {}
        for row, member in self.people.items():
            for own in member.ids.items():
                self.owners.setdefault(own, []).append(row)

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """读一个文件；``ValueError`` 是一句话，说明它为什么填不了。"""
        return cls(printable(path.name), given(path, "平台导出的 CSV"))

    def _people(self) -> Iterator[tuple[int, Member]]:
        for number in range(self.head + 1, len(self.rows)):
            member = _member(self.kinds, [cell.text.strip() for cell in self.rows[number]])
            if member and not ("canvas" in self.kinds and member.name in TEST):
                yield number, member

    def cell(self, row: int, column: int) -> str:
        """一格的文字；这一行没有这么长，为空。"""
        return self.rows[row][column].text.strip() if column < len(self.rows[row]) else ""

    def where(self, column: int) -> str:
        """给人看的一列。"""
        head = self.heads[column]
        return f"第 {column + 1} 列“{printable(head[:60])}{'……' if len(head) > 60 else ''}”"

    def replaced(self, changes: Mapping[tuple[int, int], str]) -> bytes:
        """换掉几格（行、列 → 不用引号也行的文字）之后的文件。原来有引号的，还有引号。"""
        made, at = [], 0
        for (row, column), text in sorted(changes.items()):
            cell = self.rows[row][column]
            made += [self.text[at:cell.start], f'"{text}"' if cell.quoted else text]
            at = cell.end
        return self.bom + "".join([*made, self.text[at:]]).encode(self.codec)


def _decoded(name: str, data: bytes) -> tuple[bytes, str, str]:
    """BOM、编码、文字。编回去要与原来一个字节不差。"""
    try:
        text = decoded(data)
    except ValueError:
        raise ValueError(f"{name} 的编码认不出来。要平台导出的原样的 CSV。") from None
    if "\0" in text:
        raise ValueError(f"{name} 不是文字。要平台导出的 CSV。")
    for bom, codec in CODECS:
        if data.startswith(bom) and bom + text.encode(codec, "ignore") == data:
            return bom, codec, text
    raise ValueError(f"{name} 的编码写不回原样。在平台上重新导出一份。")


def _table(name: str, text: str) -> tuple[str, list[list[Cell]], int]:
    """分隔、各行、表头在第几行。"""
    broken = ""
    for delimiter, read in readings(text):
        head = next((n for n, row in enumerate(read[:10]) if len(row) > 1 and _is_head(_columns([c.strip() for c in row]))), None)
        if head is None:
            continue
        rows = list(_cells(text, delimiter))
        if [[cell.text for cell in row] for row in rows] == [row or [""] for row in read]:
            return delimiter, rows, head
        broken = f"{name} 的引号不成对，或者多了换行。在平台上重新导出一份，别用编辑器改它。"
    raise ValueError(broken or f"{name} 里没有找到表头：要有“姓名”或“学号”（Student、Full name、Username 也行），和要填的一列。")


def _columns(heads: list[str]) -> list[str]:
    """各列的种类。"""
    return [kind or SPLIT.get(head.casefold(), "") for kind, head in zip(_kinds(heads), heads, strict=True)]


def _is_head(kinds: list[str]) -> bool:
    found = set(kinds)
    return bool(found & {"name", "number", "username", "participant", "canvas"}) or {"last", "first"} <= found


def _cells(text: str, delimiter: str) -> Iterator[list[Cell]]:
    """切成一格一格。"""
    plain = rf"[^{delimiter}\r\n]*"
    piece = re.compile(rf'(?P<cell>"(?P<quoted>[^"]*(?:""[^"]*)*)"(?P<more>{plain})|{plain})(?P<end>{delimiter}|\r\n|\r|\n|\Z)')
    row: list[Cell] = []
    at = 0
    while at < len(text) or row:
        found = piece.match(text, at)
        if found is None:
            return
        quoted = found["quoted"] is not None
        value = found["quoted"].replace('""', '"') + found["more"] if quoted else found["cell"]
        row.append(Cell(value, *found.span("cell"), quoted))
        at = found.end()
        if found["end"] != delimiter:
            yield row
            row = []
