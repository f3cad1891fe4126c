"""哪些答卷相像，像在哪里：收上来的两两比较，也可以与从前的比。只说像，不说为什么像。

比的只有答题格里的文字；发下去的（开场白、空的答题格、检查）先去掉，大家都有，不算像。同组的不比，从前的之间也不比。
怎样比见 ``fingerprints``；它在另一个进程里。
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sockscope.grading.course.course import Course
from sockscope.grading.course.delivery import arrivals
from sockscope.grading.course.fingerprints import Asked, Pair, Parts, Told
from sockscope.grading.course.intake import Paper, Unreadable, read
from sockscope.grading.course.source import grade_id, text_of
from sockscope.grading.exam.c_answer import is_c
from sockscope.grading.exam.c_answer import text_of as c_text
from sockscope.grading.exam.lab import Lab
from sockscope.terminal import lacking

__all__ = ["Likeness", "compare", "missing", "parts_of", "within"]

LONGEST = 64 << 10  # 一份答卷一种语言最多比这么多个字
CHILD = ["-m", "sockscope.grading.course.fingerprints"]
MARKED = 200        # 最像的这么多对，一段一段指出来


@dataclass
class Likeness:
    """比完了：``names`` 与 ``texts`` 按序号，前 ``here`` 份是这一次的，后面是从前的；``unread`` 是读不了的旧文件。"""

    names: list[str]
    texts: list[Parts]
    here: int
    told: Told
    cut: list[int] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def clusters(self) -> list[list[int]]:
        """连在一起的几份：谁与其中一份相像，就与它们在一起。大的在前。"""
        return _joined(pair["who"] for pair in self.told["pairs"])


def missing() -> str:
    """比较的工具没有装时的一句话；装了则为空。"""
    said = lacking("similar", "copydetect")
    return f"比较答卷要用的{said}" if said else ""


def compare(course: Course, lab: Lab, archives: Sequence[Path] = (), at_least: float = 0.6,
            together: Callable[[str, str], bool] = lambda one, other: False) -> Likeness:
    """比一个练习。``archives`` 是别的课、从前的答卷；``together`` 说两份（文件名）是不是同组的。

    没有收卷、旧的文件夹里什么也没有、比较的进程没有比完，抛 ``ValueError``。
    """
    papers = course.papers(lab)
    if not papers:
        raise ValueError(f"{lab.name} 还没有收卷。先 collect。")
    past, unread = _past(archives, lab, list(course.written(lab)))
    cut: list[int] = []
    texts = [_shortened(parts_of(p), n, cut) for n, p in enumerate([*papers.values(), *(p for _, p in past)])]
    students = list(papers)
    apart = [[i, j] for j in range(len(students)) for i in range(j) if together(students[i], students[j])]
    told = _asked(Asked(template=_template(course, lab), own=texts[:len(papers)], past=texts[len(papers):], apart=apart,
                        at_least=at_least, marked=MARKED))
    return Likeness([*(p.who for p in papers.values()), *(name for name, _ in past)], texts, len(papers), told, cut, unread)


def parts_of(paper: Paper) -> Parts:
    """一份答卷要比的文字：每种语言的答题格连在一起。"""
    cells: dict[str, list[str]] = {}
    for source in paper.cells.values():
        language, text = ("c", c_text(source)) if is_c(source) else ("python", source)
        cells.setdefault(language, []).append(text.replace("\r\n", "\n").replace("\r", "\n").strip("\n\ufeff"))
    return {language: "\n\n".join(filter(None, texts)) for language, texts in cells.items() if any(texts)}


def _shortened(parts: Parts, number: int, cut: list[int]) -> Parts:
    if any(len(text) > LONGEST for text in parts.values()):
        cut.append(number)
    return {language: text[:LONGEST] for language, text in parts.items()}


def _template(course: Course, lab: Lab) -> Parts:
    """发下去的程序：发布的笔记本里的每一格，和开场白；收 C 的练习还有头文件。"""
    path = course.root / "release" / lab.name / f"{lab.name}.ipynb"
    book = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cells": []}
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    answers = [cell for cell in code if grade_id(cell) in lab.cells]  # 再连一遍：答卷里它们前后相接
    return {"python": "\n\n".join([lab.prelude, *map(text_of, [*code, *answers])])} | ({"c": lab.in_c.header} if lab.in_c else {})


def _past(archives: Sequence[Path], lab: Lab, written: list[str]) -> tuple[list[tuple[str, Paper]], list[str]]:
    """从前的答卷：一门课收下的，或者一个文件夹、一个 zip 里的每一个笔记本。"""
    found: list[tuple[str, Paper]] = []
    unread: list[str] = []
    for archive in archives:
        before = len(found)
        if (archive / "collected").is_dir():
            for path in sorted((archive / "collected" / lab.name).glob("*.json")):
                try:
                    paper = Paper(**json.loads(path.read_text(encoding="utf-8")))
                    found.append((f"{archive.name}：{paper.who}", paper))
                except (ValueError, TypeError):
                    unread.append(f"{path}：不是收下的答卷")
        else:
            for arrival in arrivals(archive):
                try:
                    if not (arrival.note or arrival.trouble):
                        found.append((f"{archive.name}：{arrival.path}", read(arrival.data, lab, written)))
                except Unreadable as reason:
                    unread.append(f"{arrival.path}：{reason}")
        if len(found) == before:
            raise ValueError(f"{archive} 里没有 {lab.name} 的答卷：要给一门课的文件夹，或者放着从前答卷的文件夹、zip。")
    return found, unread


def _asked(asked: Asked) -> Told:
    """交给另一个进程去比。``PYTHONHASHSEED`` 定死，同样的答卷比几次都一样。"""
    with tempfile.TemporaryDirectory(prefix="sockscope-") as folder:
        settings = {"PYTHONHASHSEED": "0", "MPLBACKEND": "Agg", "MPLCONFIGDIR": folder, "OPENBLAS_NUM_THREADS": "1",
                    "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "ignore"}
        done = subprocess.run([sys.executable, *CHILD, str(os.getpid())], input=json.dumps(asked),
                              capture_output=True, encoding="utf-8", env=os.environ | settings, cwd=folder)
    if done.returncode:
        raise ValueError("没有比完：比较的进程用完了给它的时间或内存。多半是有人交了极长的答卷，"
                         "在 collected 文件夹里找出最大的那几份，先移开再比。"
                         if done.returncode < 0 or "MemoryError" in done.stderr else
                         f"没有比完：copydetect 出了错（{(done.stderr.strip().splitlines() or ['没有说原因'])[-1][:200]}）。")
    told: Told = json.loads(done.stdout)
    return told


def _joined(edges: Iterable[list[int]]) -> list[list[int]]:
    belongs: dict[int, set[int]] = {}
    for one, other in edges:
        both = belongs.get(one, {one}) | belongs.get(other, {other})
        belongs |= dict.fromkeys(both, both)
    found = {id(group): sorted(group) for group in belongs.values()}
    return sorted(found.values(), key=lambda group: (-len(group), group))


def within(likeness: Likeness, group: list[int]) -> list[Pair]:
    """一群里的各对。"""
    return [pair for pair in likeness.told["pairs"] if pair["who"][0] in group and pair["who"][1] in group]
