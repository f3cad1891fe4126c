"""收一批答卷：一个文件夹或一个 zip，按各家平台给的名字认出是谁交的。

认得的样子（学生的名字可以是中文，可以有空格）：

    张三/lab05.ipynb                                        一人一个文件夹
    张三_1234567_assignsubmission_file/lab05.ipynb           Moodle
    lisi_LATE_12345_678901_lab05-2.ipynb                    Canvas（-2 是第二次交）
    张三_lab05.ipynb、lab05_张三.ipynb、2023001 张三 lab05.ipynb  手工收的
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from sockscope.grading.course.intake import FILE, Paper, Unreadable, read
from sockscope.grading.exam.lab import Lab

__all__ = ["Arrival", "Collected", "arrivals", "collect", "who"]

CANVAS = re.compile(r"(?P<student>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<rest>.+)")
MOODLE = re.compile(r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_file")
RESUBMITTED = re.compile(r"[- ]\(?(\d+)\)?$")
UNSAFE = re.compile(r"[^\w.-]+")
MOST_FILES = 20_000
LONGEST = 60  # 学生的名字最长几个字：一个汉字三个字节，文件名最多 255 个


@dataclass(frozen=True)
class Arrival:
    """一个送来的文件：相对路径、内容（或读不了的原因）、时刻。"""

    path: str
    data: bytes
    when: datetime | None = None
    trouble: str = ""


@dataclass
class Collected:
    """一次收卷的结果：每个学生一份，和没有收成的。"""

    papers: dict[str, Paper]
    refused: list[tuple[str, str]]


def who(path: str, lab: str) -> tuple[str, bool, int]:
    """从路径认出 ``(学生, 平台说迟交, 第几次交)``。"""
    parts = PurePosixPath(path).parts
    stem = PurePosixPath(parts[-1]).stem
    attempt = int(found[1]) if (found := RESUBMITTED.search(stem)) else 1
    folders = [p for p in parts[:-1] if p.lower() != lab]
    if found := next((m for p in reversed(folders) if (m := MOODLE.fullmatch(p))), None):
        return safe(f"{found['student']}_{found['id']}"), False, attempt
    if found := CANVAS.fullmatch(stem):
        return safe(f"{found['student']}_{found['id']}"), bool(found["late"]), attempt
    own = re.sub(rf"[\s_-]*{lab}[\s_-]*", " ", RESUBMITTED.sub("", stem), flags=re.IGNORECASE).strip()
    name = own if own and not folders else folders[-1] if folders else ""
    return safe(name), False, attempt


def safe(name: str) -> str:
    """学生的名字写成可以当文件名的样子；中文照留。"""
    made = UNSAFE.sub("_", name.strip()).strip("._-")
    if len(made) <= LONGEST:
        return made
    return f"{made[:LONGEST - 9]}-{hashlib.sha256(made.encode()).hexdigest()[:8]}"  # 截短了也不与别人重名


def arrivals(source: Path) -> Iterator[Arrival]:
    """文件夹或 zip 里的全部 .ipynb。不跟随符号链接，不打开不是普通文件的东西，不读超过上限的内容。"""
    if zipfile.is_zipfile(source):
        yield from _zipped(source)
    elif source.is_dir():
        yield from _folder(source)
    else:
        raise ValueError(f"{source} 不是文件夹，也不是 zip。请给出平台下载下来的那一个。")


def _folder(source: Path) -> Iterator[Arrival]:
    for folder, _, names in os.walk(source):
        for name in sorted(names):
            path = Path(folder, name)
            found = os.lstat(path)
            if path.suffix.lower() != ".ipynb" or ".ipynb_checkpoints" in path.parts:
                continue
            where, when = path.relative_to(source).as_posix(), datetime.fromtimestamp(found.st_mtime).astimezone()
            if not stat.S_ISREG(found.st_mode):
                yield Arrival(where, b"", when, "不是普通文件（符号链接或设备），没有打开")
                continue
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                yield Arrival(where, file.read(FILE + 1), when)


def _zipped(source: Path) -> Iterator[Arrival]:
    with zipfile.ZipFile(source) as archive:
        if len(archive.infolist()) > MOST_FILES:
            raise ValueError(f"{source.name} 里有 {len(archive.infolist())} 个文件，太多了（上限 {MOST_FILES}）。")
        for entry in archive.infolist():
            name = _zip_name(entry)
            if not name.lower().endswith(".ipynb") or "__MACOSX" in name or ".ipynb_checkpoints" in name:
                continue
            when = _zip_time(entry)
            try:
                with archive.open(entry) as file:
                    yield Arrival(name, file.read(FILE + 1), when)
            except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError) as error:
                yield Arrival(name, b"", when, f"在 zip 里损坏了或加了密（{type(error).__name__}）")


def _zip_time(entry: zipfile.ZipInfo) -> datetime | None:
    """zip 里记的时刻（当地时间）；没有记或记得荒唐则为 None。"""
    try:
        when = datetime(*entry.date_time).astimezone()
    except ValueError:
        return None
    return when if when.year > 1980 else None


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """zip 里的文件名：没有标明是 UTF-8 的，中文 Windows 上多半是 GBK。"""
    if entry.flag_bits & 0x800:
        return entry.filename
    raw = entry.filename.encode("cp437", "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename


def collect(source: Path, lab: Lab, written: list[str], due: datetime | None = None) -> Collected:
    """收一批：同一个学生交了几份，取最后的一份；迟交的照收，记一笔。"""
    best: dict[str, tuple[tuple[int, float], Paper]] = {}
    refused: list[tuple[str, str]] = []
    for arrival in arrivals(source):
        student, late, attempt = who(arrival.path, lab.name)
        try:
            if not student:
                raise Unreadable("看不出是谁交的；把学生的名字写进文件夹或文件名")
            if arrival.trouble:
                raise Unreadable(arrival.trouble)
            paper = read(arrival.data, lab, written)
        except Unreadable as reason:
            refused.append((arrival.path, str(reason)))
            continue
        paper.student, paper.file = student, arrival.path
        paper.late = late or bool(due and arrival.when and arrival.when > due)
        paper.attempt = arrival.when.isoformat(timespec="seconds") if arrival.when else ""
        rank = (attempt, arrival.when.timestamp() if arrival.when else 0.0)
        older = best.get(student)
        if older is None or rank >= older[0]:
            best[student] = rank, paper
        if older is not None:
            left = older[1] if best[student][1] is paper else paper
            refused.append((left.file, f"{student} 交了不止一份，取的是 {best[student][1].file}"))
    return Collected({name: paper for name, (_, paper) in sorted(best.items())}, refused)
