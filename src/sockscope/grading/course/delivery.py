"""送来的一批：一个文件夹或一个 zip，里面的笔记本，和平台另写的几行字。什么也不解到磁盘上，什么链接也不跟。

学习通给的是 zip 里一人一个 zip；别的平台里，学生也会交压缩包。里面的 zip 只打开一层，路径写成 ``外层.zip/里面``。
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sockscope.grading.course.intake import FILE

__all__ = ["Arrival", "arrivals"]

MOST_FILES = 20_000
MOST_INSIDE = 40     # 一个人的压缩包里，最多看这么多个笔记本
INSIDE = 64 << 20    # 一个人的压缩包最大，字节
NOTE = 4 << 10      # 平台写的 .txt 最大，字节
BROKEN = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError)
KINDS = (".ipynb", ".txt", ".zip")


@dataclass(frozen=True)
class Arrival:
    """一个送来的文件：相对路径、内容（或读不了的原因）、时刻。``note`` 为真的是平台写的字，不是答卷。"""

    path: str
    data: bytes
    when: datetime | None = None
    trouble: str = ""
    note: bool = False


def arrivals(source: Path) -> Iterator[Arrival]:
    """文件夹或 zip 里的全部 .ipynb。不跟随符号链接，不打开不是普通文件的东西，不读超过上限的内容。"""
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            if len(archive.infolist()) > MOST_FILES:
                raise ValueError(f"{source.name} 里有 {len(archive.infolist())} 个文件，太多了（上限 {MOST_FILES}）。")
            yield from _zipped(archive)
    elif source.is_dir():
        yield from _folder(source)
    else:
        raise ValueError(f"{source} 不是文件夹，也不是 zip。请给出平台下载下来的那一个。")


def _wanted(path: str) -> bool:
    parts = path.split("/")
    return parts[-1].lower().endswith(KINDS) and not {"__MACOSX", ".ipynb_checkpoints"} & set(parts) \
        and not parts[-1].startswith("._")


def _folder(source: Path) -> Iterator[Arrival]:
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            where = _read_name(os.fsencode(path.relative_to(source)))
            if not _wanted(where):
                continue
            found = os.lstat(path)
            when = datetime.fromtimestamp(found.st_mtime).astimezone()
            if stat.S_ISREG(found.st_mode):
                with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                    yield from _unpacked(where, file.read(_most(name) + 1), when)
            elif name.lower().endswith(".ipynb"):
                yield Arrival(where, b"", when, "不是普通文件（符号链接或设备），没有打开")


def _most(name: str) -> int:
    """这一种文件最多读几个字节。"""
    return {".zip": INSIDE, ".txt": NOTE}.get(name[-4:].lower(), FILE)


def _zipped(archive: zipfile.ZipFile) -> Iterator[Arrival]:
    for entry in archive.infolist():
        name = _zip_name(entry)
        if not _wanted(name):
            continue
        when = _zip_time(entry)
        try:
            with archive.open(entry) as file:
                data = file.read(_most(name) + 1)
        except BROKEN as error:
            if not name.lower().endswith(".txt"):
                yield Arrival(name, b"", when, f"在 zip 里损坏了或加了密（{type(error).__name__}）")
            continue
        yield from _unpacked(name, data, when)


def _unpacked(path: str, data: bytes, when: datetime | None) -> Iterator[Arrival]:
    """一个文件；是压缩包，就看里面的一层。"""
    if path.lower().endswith(".txt"):
        yield Arrival(path, data, when, note=True)
    elif not path.lower().endswith(".zip"):
        yield Arrival(path, data, when)
    elif len(data) > INSIDE:
        yield Arrival(path, b"", when, f"压缩包太大（上限 {INSIDE >> 20} MB），没有打开")
    else:
        yield from _inside(path, data, when)


def _inside(path: str, data: bytes, when: datetime | None) -> Iterator[Arrival]:
    """压缩包里的笔记本。时刻是压缩包的：里面记的由学生自己写，说不了迟没迟交。"""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            books = [e for e in archive.infolist() if _wanted(n := _zip_name(e)) and n.lower().endswith(".ipynb")]
            if len(archive.infolist()) > MOST_FILES or len(books) > MOST_INSIDE:
                yield Arrival(path, b"", when, f"压缩包里有 {len(books)} 个笔记本，太多了（上限 {MOST_INSIDE}），没有打开")
                return
            for entry in books:
                try:
                    with archive.open(entry) as file:
                        yield Arrival(f"{path}/{_zip_name(entry)}", file.read(FILE + 1), when)
                except BROKEN as error:
                    yield Arrival(f"{path}/{_zip_name(entry)}", b"", when, f"在 zip 里损坏了或加了密（{type(error).__name__}）")
    except BROKEN as error:
        yield Arrival(path, b"", when, f"压缩包打不开（{type(error).__name__}）")


def _zip_time(entry: zipfile.ZipInfo) -> datetime | None:
    """zip 里记的时刻（当地时间）；没有记或记得荒唐则为 None。"""
    try:
        when = datetime(*entry.date_time).astimezone()
    except (ValueError, OverflowError):
        return None
    return when if when.year > 1980 else None


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """zip 里的文件名：没有标明是 UTF-8 的，中文 Windows 上多半是 GBK；有的程序用反斜杠分开文件夹。"""
    name = entry.filename
    if not entry.flag_bits & 0x800:
        name = _read_name(name.encode("cp437", "replace"), name)
    return name if "/" in name else name.replace("\\", "/")


def _read_name(raw: bytes, other: str = "") -> str:
    """文件名的原文：UTF-8，不然 GBK，都不是就照 ``other``。"""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return other or raw.decode("utf-8", "backslashreplace")
