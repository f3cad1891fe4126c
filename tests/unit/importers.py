"""平台的导入程序收什么、怎样认列、怎样认人：照它们自己的源码另写的一份，只为测试我们写出来的表。

- ``canvas``：instructure/canvas-lms 的 ``lib/gradebook_importer.rb``（``process_header``、``parse_assignments``、
  ``process_student``、``no_change_to_value?``）与 ``Assignment.title_and_id``。
- ``moodle``：moodle/moodle 的 ``mod/assign/feedback/offline/importgradeslib.php``、``locallib.php``，
  ``lib/csvlib.class.php`` 的 ``csv_import_reader``，表头的字见语言包的 ``assign.php``。
- ``blackboard``：没有源码，只有教师帮助 Uploading External Grade Center Items 写明的几条。
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime


class Refused(Exception):
    """平台整张不收。"""


@dataclass
class Import:
    """平台会改的分：(人, 列) → 写的字；``created`` 是它要新建的人与列。"""

    grades: dict[tuple[str, str], str] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)


# ---------------------------------------------------------------- Canvas

@dataclass
class CanvasCourse:
    """``students``：Canvas 的号 → (名字, 排序用的名字, SIS User ID, SIS Login ID)；``assignments``：号 → 标题；

    ``custom``：教师自己加的列，排在 Section 与作业之间。
    """

    students: dict[int, tuple[str, str, str, str]]
    assignments: dict[int, str]
    scores: dict[tuple[int, int], str] = field(default_factory=dict)
    custom: tuple[str, ...] = ()


TOTALS = re.compile("Current Score|Current Points|Current Grade|Final Score|Final Points|Final Grade|Override")


def canvas(data: bytes, course: CanvasCourse) -> Import:
    text = data.decode("utf-8")  # BOM 不去掉：第一格只要含有 Student
    lines = text.splitlines(keepends=True)
    delimiter = ";" if _fields(lines[:3], ";") > _fields(lines[:3], ",") else ","
    kept = "".join(line for line in lines if not re.fullmatch(r"[;, ]+", line.rstrip("\r\n")))
    read = csv.reader(io.StringIO(kept, newline=""), delimiter=delimiter, strict=True)
    rows = [[_decimal(cell) for cell in row] for row in read]
    head, most, made = rows[0], [], Import()
    if not (len(head) > 3 and "Student" in head[0] and "ID" in head[1]):
        raise Refused("Invalid header row")
    login = sis = None
    width = 3
    if re.search(r"SIS\s+Login\s+ID", head[2]):
        login, width = 2, 4
    elif re.search(r"SIS\s+User\s+ID", head[2]) and re.search(r"SIS\s+Login\s+ID", head[3]):
        sis, login, width = 2, 3, 5
    if "Section" not in head[width - 1]:
        raise Refused("Invalid header row")
    width += sum(name in course.custom for name in head)
    columns = {}
    for at, name in list(enumerate(head))[width:]:
        if TOTALS.search(name):
            continue
        found = re.fullmatch(r"(.*)\s\((\d+)\)", name)
        number = int(found[2]) if found and int(found[2]) in course.assignments else next(
            (n for n, title in course.assignments.items() if title == name), None)
        if number is None:
            made.created.append(found[1] if found else name)
        columns[at] = number
    for row in rows[1:]:
        if "Points Possible" in row[0]:
            most = row
        elif not all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell, re.IGNORECASE) for cell in row):
            _canvas_student(row, sis, login, columns, most, course, made)
    return made


def _canvas_student(row, sis, login, columns, most, course, made) -> None:
    number = int(re.match(r"\d*", row[1])[0] or 0)
    if number not in course.students:
        number = next((n for n, (_, _, own, _) in course.students.items() if sis and row[sis] and own == row[sis]), None) or next(
            (n for n, (*_, own) in course.students.items() if login and row[login] and own == row[login]), None) or next(
            (n for n, (name, ordered, *_) in course.students.items() if row[0] in (name, ordered)), None)
    if number is None:
        made.created.append(row[0])
        return
    for at, assignment in columns.items():
        new, old = row[at].strip(), course.scores.get((number, assignment), "")
        if most and re.search(r"read\s+only", most[at]):
            continue
        if new != old and not ({new, old} <= {"", "-"}) and not (new and old and _same(new, old)):
            made.grades[course.students[number][0], course.assignments.get(assignment, "")] = new


def _fields(lines, delimiter) -> int:
    counts = {len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines}
    return counts.pop() if len(counts) == 1 else 0


def _decimal(cell: str) -> str:
    if not re.fullmatch(r"-?[0-9.,]+%?", cell):
        return cell
    *whole, last = re.split("[,.]", cell)
    return f"{''.join(whole)}.{last}" if whole else last


def _same(new: str, old: str) -> bool:
    try:
        return f"{float(new):.2f}" == f"{float(old):.2f}"
    except ValueError:
        return False


# ---------------------------------------------------------------- Moodle

@dataclass(frozen=True)
class Words:
    """界面的语言里的几个字：``recordid``、``grade``、``lastmodifiedgrade``、``hiddenuser``、``maxgrade``。"""

    identifier: str
    grade: str
    modified: str
    participant: str
    most: str


ENGLISH = Words("Identifier", "Grade", "Last modified (grade)", "Participant ", "Maximum Grade")
CHINESE = Words("标识符", "成绩", "上次修改（评分）", "参与人", "最高分")
OLD_CHINESE = Words("标识符", "成绩", "最后修改（教师）", "参与者", "最高成绩")


def moodle(data: bytes, users: dict[str, str], most: float, words: Words = ENGLISH,
           graded: dict[str, tuple[float, datetime]] | None = None, ignore_modified: bool = False) -> Import:
    """``users``：这次作业里的号 → 人；``graded``：人 → (分，什么时候改的)。"""
    text = re.sub("\r\n?", "\n", data.decode("utf-8").removeprefix("\ufeff")).strip()
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if any(len(row) != len(rows[0]) for row in rows):
        raise Refused("csvweirdcolumns")
    try:
        identifier, grade, modified = (rows[0].index(w) for w in (words.identifier, words.grade, words.modified))
    except ValueError:
        raise Refused("invalidgradeimport") from None
    made = Import()
    for row in rows[1:]:
        user = users.get(row[identifier].encode()[len(words.participant.encode()):].decode(errors="replace"))
        score = _float(row[grade])
        if user is None or score is None or not 0 <= score <= most:
            continue
        own, when = (graded or {}).get(user, (None, None))
        stale = when is not None and when.timestamp() > _time(row[modified]) + 60
        if own != score and (ignore_modified or not stale):
            made.grades[user, words.grade] = row[grade]
    return made


def _float(text: str) -> float | None:
    """``unformat_float`` 加上 PHP 的 ``(float)``：空的没有值，不是数的是零。"""
    text = text.strip().replace(" ", "")
    found = re.match(r"[+-]?\d*\.?\d*", text)[0]
    return None if not text else float(found) if re.search(r"\d", found) else 0.0


def _time(text: str) -> float:
    try:
        return datetime.strptime(text, "%A, %d %B %Y, %I:%M %p").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


# ---------------------------------------------------------------- Blackboard

def blackboard(data: bytes, users: dict[str, str], columns: dict[str, str]) -> Import:
    """``users``：用户名 → 人；``columns``：列的号 → 列。制表符分开的是 UTF-16，逗号分开的是 UTF-8。"""
    text = data.decode("utf-16" if data.startswith(b"\xff\xfe") else "utf-8-sig")
    delimiter = "\t" if "\t" in text.splitlines()[0] else ","
    head, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    if "Username" not in head:
        raise Refused("Username")
    made = Import()
    for at, name in enumerate(head):
        if name in ("Last Name", "First Name", "Username", "Student ID", "Last Access", "Availability"):
            continue
        number = name.rpartition("|")[2] if "|" in name else ""
        if number not in columns:
            made.created.append(name)
            continue
        for row in rows:
            if (user := users.get(row[head.index("Username")])) and row[at] and re.fullmatch(r"[\d.]+", row[at]):
                made.grades[user, columns[number]] = row[at]
    return made
