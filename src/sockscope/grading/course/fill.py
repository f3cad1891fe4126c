"""把分填进平台导出的表：只动这个练习的一列，然后在平台上导回去。

平台怎样读它，凭的是它们自己的程序：

- Canvas：``lib/gradebook_importer.rb``。列靠表头末尾的 ``(号)`` 认，没有号的按标题认，都不是就要新建一次作业；
  人先看 ``ID``，再看 SIS 的两个号，最后才看名字。``Points Possible`` 一行里写着 ``(read only)`` 的列不收。
  整张表都比一遍，所以表要是刚导出的：别人后来改的别的列，会被表里的旧分改回去。
- Moodle：``mod/assign/feedback/offline/importgradeslib.php`` 与 ``locallib.php``，表头照 ``mod/assign/gradingtable.php``。
  要有“标识符”“成绩”“最后修改（评分）”三列，名字随界面的语言，所以上传时的语言要与导出时相同。
  人只看标识符；空着的、超出满分的、锁定的、平台上后来改过的，都跳过。每行的格数都要与表头相同（``lib/csvlib.class.php``）。
- Blackboard：教师帮助“Work Offline with Grade Data”（Uploading External Grade Center Items）。
  人看用户名；列看表头末尾的 ``|号``，没有号的新建一列文字。
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sockscope.grading.course.course import Course, write
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.layouts import LAYOUTS, Person
from sockscope.grading.course.names import printable
from sockscope.grading.course.people import STEADY, listed
from sockscope.grading.course.roster import Member, Roster
from sockscope.grading.course.sheet import Sheet
from sockscope.grading.course.standing import Line, lines
from sockscope.grading.exam.lab import Lab

__all__ = ["Filled", "fill"]

OURS = {"canvas.csv", "moodle.csv", "spreadsheet.csv"}  # 不带 --fill 时写的
CANVAS = re.compile(r"(?P<title>.*)\s\((?P<id>\d+)\)", re.DOTALL)
BLACKBOARD = re.compile(r"(?P<title>.*)\[(?P<points>[^\[\]]*)\]\s*\|(?P<id>\d+)", re.DOTALL)
POINTS = re.compile(r"\d+(?:[.,]\d+)?")
GRADE = {"grade", "成绩", "评分", "分数"}
MOST = {"maximumgrade", "最高成绩", "最高分"}
EMPTY = {"", "-", "needs grading", "in progress", "需要评分", "正在进行"}  # 平台写在格子里的状态，不是分
NEXT = {
    "canvas": "在 Canvas 的成绩册里导入它：要改的分会先列给你看。这张表隔得久了就重新导出一张再填，不然别的列会被改回旧分。",
    "moodle": "在这次作业里“上传评分工作表”：界面的语言要与导出时相同；锁定的它跳过；"
              "它以为导出之后又改过的也跳过，真要改就勾“允许更新”。",
    "blackboard": "在成绩中心“脱机工作 → 上传”：只勾这一列。",
    "other": "在平台上导入它之前，先看一看这一列。",
}


@dataclass
class Filled:
    """填好的一张表。``wrote`` 是改了几格；其余各是要告诉教师的人，一人一句。"""

    path: Path
    platform: str
    column: str
    wrote: int = 0
    kept: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    waiting: int = 0
    notes: list[str] = field(default_factory=list)

    def said(self) -> list[str]:
        """要打印的，一行一句。"""
        told = [f"{self.path}：{self.column}填了 {self.wrote} 格，别的照原样。", *self.notes]
        told += [f"  没有改：{who}。要改，加 --overwrite" for who in self.kept]
        told += [f"  没有填：{who}" for who in self.lost]
        told += [f"  比满分高，Moodle 会跳过：{who}" for who in self.over if self.platform == "moodle"]
        if self.absent:
            told.append(f"表里有 {len(self.absent)} 个人没有交：{'、'.join(self.absent)}。")
        if self.waiting:
            told.append(f"{self.waiting} 个学生的总分留空：还没有批，书面题还没有看，或者有话要问。")
        return [*told, NEXT[self.platform]]


def fill(course: Course, lab: Lab, path: Path, *, column: str = "", missing: float | None = None, overwrite: bool = False,
         scale: bool = False) -> Filled:
    """填一张表，写在 ``export/练习/`` 里，名字不变。填不了抛 ``ValueError``，什么也不写。

    ``column`` 是列的名字或号；``missing`` 是没有交的人的分，不写就空着；表里已有的别的分，``overwrite`` 才改；
    满分不同时，``scale`` 才换算。
    """
    sheet = Sheet.read(path)
    target = course.root / "export" / lab.name / path.name
    if path.name in OURS or target.resolve() == path.resolve():
        raise ValueError(f"{target} 是我们写的。要平台导出的那一份，放在别处，换一个名字。")
    if not sheet.people:
        raise ValueError(f"{sheet.name} 里一个人也没有。")
    graded = lines(course, lab)
    if not graded:
        raise ValueError(f"{lab.name} 还没有批过。先 grade {lab.name}。")
    platform = _platform(sheet)
    chosen = _pick(sheet, platform, lab, column)
    ours, theirs = sum(course.points(lab).values()), _most(sheet, platform, chosen)
    made = Filled(target, platform, sheet.where(chosen))
    if theirs is None:
        made.notes.append(f"平台的表里没有写满分；我们的 {lab.name} 满分 {ours:g}，请自己对一下。")
    factor = _factor(lab, ours, theirs, scale)
    matched = _match(course, lab, sheet, graded)
    made.lost = matched.lost
    made.waiting = len(matched.waiting) + sum(line.total is None for line in matched.whose.values())
    if missing is not None and not matched.sure:
        made.notes.append("没有对上的答卷也许就是下面没有交的人的，所以 --missing 没有用：先用名单把他们对上。")
        missing = None
    changes = {}
    for row, member in sheet.people.items():
        value = None
        if line := matched.whose.get(row):
            value = None if line.total is None else line.total * factor
        elif row not in matched.handed:
            made.absent.append(printable(member.who))
            value = missing
        if value is None:
            continue
        if chosen >= len(sheet.rows[row]):
            raise ValueError(f"{sheet.name} 第 {row + 1} 行只有 {len(sheet.rows[row])} 格，比表头短。在平台上重新导出一份。")
        new, old = _written(value), sheet.cell(row, chosen)
        if theirs is not None and value > theirs + 0.005:
            made.over.append(f"{printable(member.who)} {new}")
        if old.casefold() not in EMPTY and (number := _number(old)) is not None and abs(number - float(new)) < 0.005:
            continue
        if old.casefold() in EMPTY or overwrite:
            changes[row, chosen] = new
        else:
            made.kept.append(f"{printable(member.who)} 表里是 {printable(old[:60])}，我们是 {new}")
    made.wrote = len(changes)
    write(target, sheet.replaced(changes))
    return made


# ---------------------------------------------------------------- 哪一列

def _platform(sheet: Sheet) -> str:
    if "canvas" in sheet.kinds:
        return "canvas"
    if "participant" in sheet.kinds and any(_plain(head) in GRADE for head in sheet.heads):
        return "moodle"
    return "blackboard" if any(BLACKBOARD.fullmatch(head) for head in sheet.heads) else "other"


def _plain(text: str) -> str:
    """比较列名时，空白与大小写不算。"""
    return "".join(text.split()).casefold()


def _columns(sheet: Sheet, platform: str) -> list[int]:
    """分能填在哪几列。"""
    free = [n for n, kind in enumerate(sheet.kinds) if not kind and sheet.heads[n]]
    if platform == "canvas":
        points = _points_row(sheet)
        return [n for n in free if CANVAS.fullmatch(sheet.heads[n])
                and (points is None or not (text := sheet.cell(points, n)) or _number(text) is not None)]
    if platform == "moodle":
        return [n for n in free if _plain(sheet.heads[n]) in GRADE]
    return [n for n in free if BLACKBOARD.fullmatch(sheet.heads[n])] if platform == "blackboard" else free


def _title(head: str) -> tuple[str, str]:
    """列的标题和平台的号。"""
    found = BLACKBOARD.fullmatch(head) or CANVAS.fullmatch(head)
    return (found["title"].strip(), found["id"]) if found else (head, "")


def _pick(sheet: Sheet, platform: str, lab: Lab, asked: str) -> int:
    """填哪一列；没有，或者不止一列，就问。"""
    columns = _columns(sheet, platform)
    if asked:
        found = [n for n in columns
                 if _plain(asked) in {f"第{n + 1}列", *map(_plain, (sheet.heads[n], *_title(sheet.heads[n])))}]
    elif platform == "moodle":
        found = columns
        others = set(re.findall(r"lab\d+", sheet.name.casefold()))
        if others and lab.name not in others:
            raise ValueError(f"{sheet.name} 像是 {'、'.join(sorted(others))} 的评分工作表。真要填 {lab.name}，加 --column "
                             f"{sheet.heads[found[0]]}。")
    else:
        found = [n for n in columns if _mentions(_title(sheet.heads[n])[0], lab)]
    if len(found) == 1:
        return found[0]
    what = f"叫 {printable(asked)} 的" if asked else f" {lab.name}（{lab.title}）的"
    if not columns:
        raise ValueError(f"{sheet.name} 里没有可以填分的列。先在平台上建好这次作业，再导出一份。")
    choice = found or columns
    listing = "、".join(sheet.where(n) for n in choice[:12]) + (f" 等 {len(choice)} 列" if len(choice) > 12 else "")
    raise ValueError(f"{sheet.name} 里{f'{what}不止一列' if found else f'没有{what}一列'}。"
                     f"是哪一列？用 --column 写名字、号或“第几列”：{listing}。")


def _mentions(title: str, lab: Lab) -> bool:
    return bool(re.search(rf"(?<![a-z0-9]){lab.name}(?![a-z0-9])", title, re.IGNORECASE)) or _plain(lab.title) in _plain(title)


# ---------------------------------------------------------------- 满分

def _points_row(sheet: Sheet) -> int | None:
    """Canvas 写满分的那一行。"""
    return next((n for n in range(sheet.head + 1, len(sheet.rows)) if "Points Possible" in sheet.cell(n, 0)), None)


def _most(sheet: Sheet, platform: str, column: int) -> float | None:
    """平台上这一列的满分；表里没有写则为 None。不是分数而是等级，抛 ``ValueError``。"""
    if platform == "canvas":
        points = _points_row(sheet)
        return None if points is None else _number(sheet.cell(points, column))
    if platform == "blackboard":
        found = BLACKBOARD.fullmatch(sheet.heads[column])
        told = POINTS.search(found["points"]) if found else None
        return _number(told[0]) if told else None
    if platform != "moodle":
        return None
    most = next((n for n, head in enumerate(sheet.heads) if _plain(head) in MOST), None)
    all_told = {_number(sheet.cell(row, most)) for row in sheet.people} if most is not None else {None}
    if len(all_told) != 1 or None in all_told:
        raise ValueError(f"{sheet.name} 里没有一个大家都一样的满分：这次作业在 Moodle 里也许用等级评分。"
                         "改成用分数评分，再导出一份。")
    return all_told.pop()


def _factor(lab: Lab, ours: float, theirs: float | None, scale: bool) -> float:
    """我们的一分是平台的几分。"""
    if theirs is None or abs(ours - theirs) < 0.005:
        return 1.0
    told = f"平台上这一列的满分是 {theirs:g}，我们的 {lab.name} 满分 {ours:g}"
    if min(ours, theirs) <= 0:
        raise ValueError(f"{told}，换算不了。")
    if not scale:
        raise ValueError(f"{told}。在平台上改成一样，或者加 --scale 按比例换算。")
    return theirs / ours


def _number(text: str) -> float | None:
    """一个数，小数点也可以是逗号；不是数则为 None。"""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _written(value: float) -> str:
    """写进格子里的分：最多两位小数，与 Canvas 相同。"""
    return f"{value:.2f}".rstrip("0").rstrip(".")


# ---------------------------------------------------------------- 哪一行

class _Listed(Roster):
    """平台的表里的人。"""

    def __init__(self, members: Sequence[Member]) -> None:
        self.text, self.members = "", list(members)


@dataclass
class _Matched:
    """``whose``：行 → 谁的一行分；``waiting``：交了还没有批的；``handed``：像是交过的，都不当没有交。

    ``sure``：没有对上的人，肯定不在表里。
    """

    whose: dict[int, Line] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)
    handed: set[int] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    sure: bool = True


def _match(course: Course, lab: Lab, sheet: Sheet, graded: Sequence[Line]) -> _Matched:
    """每个人在哪一行。"""
    papers, roster, made = course.papers(lab), Roster.of(course), _Matched()
    claims: defaultdict[int, list[Line | None]] = defaultdict(list)
    known: dict[str, Line | None] = {line.student: line for line in graded}
    for student, line in (known | {s: None for s in papers if s not in known}).items():
        paper = papers.get(student)
        member = line.member if line else listed(roster, papers[student])
        ids = _ids(member, paper)
        rows = _rows(sheet, ids, member, paper, line)
        who = printable(member.who if member else paper.who if paper else line.name if line else student)
        made.handed.update(rows)
        if len(rows) == 1:
            claims[rows[0]].append(line)
        elif rows:
            made.lost.append(f"{who}：表里像他的不止一行，第 {'、'.join(str(n + 1) for n in rows)} 行")
        else:
            made.lost.append(f"{who}：表里没有找到他")
            made.sure &= _surely_absent(sheet, ids)
    for row, several in claims.items():
        if len(several) > 1:
            made.lost.append(f"{printable(sheet.people[row].who)}：{len(several)} 份答卷都像他的")
        elif (line := several[0]) is not None:
            made.whose[row] = line
        else:
            made.waiting.add(row)
    return made


def _ids(member: Member | None, paper: Paper | None) -> dict[str, str]:
    """肯定是他的号：名单上的，平台写在答卷上的。"""
    found = {kind: member.ids[kind] for kind in STEADY if kind in member.ids} if member else {}
    layout = LAYOUTS.get(paper.layout) if paper else None
    if paper and paper.id and layout and len(layout.ids) == 1:
        found[layout.ids[0]] = paper.id
    return found


def _rows(sheet: Sheet, ids: dict[str, str], member: Member | None, paper: Paper | None, line: Line | None) -> list[int]:
    """表里像他的几行：先看号，只看同一种号；没有对上再看名字，号不许相反。"""
    people = sheet.people
    if found := sorted({n for own in ids.items() for n in sheet.owners.get(own, ())}):
        return found
    person = Person(paper.owner or paper.student, paper.name, paper.id) if paper else Person("", line.name if line else "")
    layout = LAYOUTS.get(paper.layout if paper else "", LAYOUTS["hand"])
    alike = {id(m) for m in _Listed(list(people.values())).find(person, layout)} if person.text or person.name else set()
    names = {member.name, *member.spellings} - {""} if member else set()
    return [n for n, m in people.items() if (id(m) in alike or names & {m.name, *m.spellings})
            and all(m.ids.get(kind, number) == number for kind, number in ids.items())]


def _surely_absent(sheet: Sheet, ids: Iterable[str]) -> bool:
    """他有一种号，表里人人都有这种号，却没有他的：他肯定不在表里。"""
    return any(all(kind in m.ids for m in sheet.people.values()) for kind in ids)
