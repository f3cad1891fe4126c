"""批过的每一次都留着：一个学生的一个练习一份，一行一次，由先到后；不带轨迹，所以很小。

    history/lab05/学生.jsonl          一次一行：什么时候、哪一份答卷、每项的种子与结果、考官是谁
    history/lab05/papers/学生.json    批过的各份答卷的文字：摘要 → 答题格

写的次序：先留下答卷的文字，再存判定，再添这一行。在任何两步之间断了，判定里都写着它自己的来历，
下一次 ``remember`` 把缺的那一行补上；一行也不会记两遍，也不会有一行说的不是真的存下过的判定。
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.course.intake import Paper
from sockscope.grading.exam.verdict import Verdict

__all__ = ["Judged", "Round", "keep", "paper_text", "remember", "replace", "rounds", "standing"]

LONGEST = 200  # 记下的一句话最长，字


@dataclass(frozen=True)
class Round:
    """批的一次。``when`` 为空的，是还没有这份记录的时候批的；``checks`` 是这一次判了的。"""

    when: str
    paper: str
    attempt: str = ""
    only: str = ""
    by: dict[str, str] = field(default_factory=dict)
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    manual: dict[str, float] = field(default_factory=dict)


class Judged(NamedTuple):
    """一项检查当时的结果，和判它的那一次。"""

    status: str
    points: float
    seed: int
    told: str
    round: Round


def folder(course: Course, lab: str) -> Path:
    return course.root / "history" / lab


def rounds(course: Course, lab: str, student: str) -> list[Round]:
    """一个学生批过的各次，由先到后；没有记过则为空。"""
    path = folder(course, lab) / f"{student}.jsonl"
    return [Round(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def standing(found: list[Round]) -> dict[str, Judged]:
    """批过这几次之后，每项检查最近的结果。整份重批的一次换掉以前的全部。"""
    now: dict[str, Judged] = {}
    for one in found:
        fresh = {check: Judged(round=one, **told) for check, told in one.checks.items()}
        now = {**now, **fresh} if one.only else fresh
    return now


def replace(course: Course, paper: Paper, result: dict[str, Any], manual: dict[str, float] | None = None) -> None:
    """存下一份判定；它换掉的那一份和它自己都记在历史里。"""
    if (old := course.result(result["lab"], result["student"])) is not None:
        remember(course, old, paper, manual)
    keep(course, paper)
    course.save_result(result)
    remember(course, result, paper, manual)


def keep(course: Course, paper: Paper) -> None:
    """留下这份答卷的答题格。"""
    kept = _papers(course, paper.lab, paper.student)
    if paper.digest not in kept:
        write(_papers_path(course, paper.lab, paper.student), dumps({**kept, paper.digest: paper.cells}))


def paper_text(course: Course, lab: str, student: str, digest: str) -> dict[str, str] | None:
    """批过的一份答卷的答题格；没有留下则为 None。"""
    return _papers(course, lab, student).get(digest)


def _papers_path(course: Course, lab: str, student: str) -> Path:
    return folder(course, lab) / "papers" / f"{student}.json"


def _papers(course: Course, lab: str, student: str) -> dict[str, dict[str, str]]:
    path = _papers_path(course, lab, student)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def remember(course: Course, result: dict[str, Any], paper: Paper, manual: dict[str, float] | None = None) -> None:
    """把一份判定记进历史；最后一行已经是它，就不动。``manual`` 是此刻教师改过的分。"""
    if result["digest"] == paper.digest:
        keep(course, paper)
    known = rounds(course, result["lab"], result["student"])
    fresh = _round(result, paper, manual or {})
    if known and (known[-1].when, known[-1].checks) == (fresh.when, fresh.checks):
        return
    lines = [json.dumps(vars(one), ensure_ascii=False) + "\n" for one in [*known, fresh]]
    write(folder(course, result["lab"]) / f"{result['student']}.jsonl", "".join(lines))


def _round(result: dict[str, Any], paper: Paper, manual: dict[str, float]) -> Round:
    graded = dict(result.get("graded", {}))
    when, only = graded.pop("when", ""), graded.pop("only", "")
    told = [{k: v for k, v in one.items() if k != "trace"} for one in result["verdicts"]]  # 分照那时的，不照现在的
    judged = [v for v in map(Verdict.from_json, told) if only in ("", v.check.partition(".")[2])]
    return Round(when, result["digest"], paper.attempt if result["digest"] == paper.digest else "", only, graded,
                 {v.check: {"status": v.status, "points": v.points, "seed": v.seed, "told": _told(v)} for v in judged}, manual)


def _told(verdict: Verdict) -> str:
    """没有通过的，卡在哪里。"""
    row = next((r for r in verdict.rows if not r.ok), None)
    said = f"{row.tried}。应当：{row.expected}；实际：{row.seen}" if row else verdict.note
    return "" if verdict.status == "passed" else said if len(said) <= LONGEST else said[:LONGEST] + "…"
