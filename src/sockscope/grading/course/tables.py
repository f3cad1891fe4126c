"""别人给的表：名单、分组表、平台导出的成绩表、填好的书面题。一个文件读成文字，文字切成行。

编码认 UTF-8（有没有 BOM 都行）、UTF-16（Blackboard 的 .xls 其实是用制表符分开的 UTF-16 文字）和 GB18030；
分隔认逗号、制表符、分号。
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from sockscope.grading.course.names import printable

__all__ = ["decoded", "given", "readings"]

BINARY = {b"PK\3\4": "xlsx", b"\xd0\xcf\x11\xe0": "xls"}
LONGEST_CELL = 131_072  # 字符；引号少一个，后面的整张表就成了一格


def given(path: Path, wanted: str, most: int = 16 << 20) -> bytes:
    """文件的内容。打不开、是管道、是工作簿、长过 ``most`` 字节，抛 ``ValueError``，说要给的是 ``wanted``。"""
    try:
        if not path.is_file():  # 管道会一直等下去
            raise OSError(path)
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError:
        raise ValueError(f"{printable(str(path))} 打不开：要给{wanted}，看看路径写得对不对。") from None
    name = printable(path.name)
    if kind := next((kind for head, kind in BINARY.items() if data.startswith(head)), ""):
        raise ValueError(f"{name} 是 {kind} 工作簿。在电子表格里把它另存为 CSV（UTF-8），再给我。")
    if len(data) > most:
        raise ValueError(f"{name} 太大（上限 {most >> 20} MB），不像{wanted}。")
    return data


def decoded(data: bytes) -> str:
    """表的原文。BOM 说了算；没有 BOM 时，一半是 NUL 的是 UTF-16，再试 UTF-8，最后是 GB18030。"""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif data[1:200:2].count(0) > len(data[1:200:2]) // 2:
        encodings = ["utf-16-le"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("表的编码认不出来。另存为 UTF-8 的 CSV，再给我。")


def readings(text: str, longest: int = LONGEST_CELL) -> Iterator[tuple[str, list[list[str]]]]:
    """各种切法：分隔，切成的行。切不开的跳过；一种也不合用，而有一格长过 ``longest`` 字，抛 ``ValueError``。"""
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # 这个数是整个进程的，别处会改它：长短由下面说了算
    said = ""
    for delimiter in ",\t;":
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error:
            continue
        where = next(((n, len(cell)) for n, row in enumerate(rows, 1) for cell in row if len(cell) > longest), None)
        if where is None:
            yield delimiter, rows
        else:
            said = said or f"表的第 {where[0]} 行有一格 {where[1]} 个字，太长（上限 {longest}）。看看是不是少了一个引号。"
    if said:
        raise ValueError(said)
