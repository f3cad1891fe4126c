"""成绩库：唯一写 nbgrader 成绩库的地方。formgrader 看的笔记本也在这里拼：源笔记本加上学生的文字，没有别的。

自动分写进 ``auto_score``；教师在 formgrader 里改的分（``manual_score``）和评语从不去碰。
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from sockscope.grading.course import source
from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.nbgrader_here import nbgrader_here
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.verdict import Verdict

__all__ = ["agree", "comment", "commented", "comments", "manual_scores", "mark", "overruled", "record", "recorded", "scores"]


@contextmanager
def opened(course: Course) -> Iterator[Any]:
    """打开成绩库，用完关上。"""
    with nbgrader_here() as nbgrader, nbgrader.api.Gradebook(course.database) as book:
        yield book


QUESTION = """
    SELECT submitted_assignment.student_id, base_cell.name, {wanted}
    FROM {table}
    JOIN base_cell ON base_cell.id = {table}.cell_id
    JOIN submitted_notebook ON submitted_notebook.id = {table}.notebook_id
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN assignment ON assignment.id = submitted_assignment.assignment_id
    WHERE assignment.name = ?"""
SCORES = QUESTION.format(table="grade", wanted="grade.auto_score, grade.manual_score")
COMMENTS = QUESTION.format(table="comment", wanted="comment.manual_comment")


PENALTIES = """
    SELECT submitted_assignment.student_id, submitted_notebook.name, submitted_notebook.late_submission_penalty
    FROM (SELECT submitted_notebook.*, notebook.name FROM submitted_notebook
          JOIN notebook ON notebook.id = submitted_notebook.notebook_id) submitted_notebook
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN assignment ON assignment.id = submitted_assignment.assignment_id
    WHERE assignment.name = ?"""
MOST = """
    SELECT base_cell.name, grade_cells.max_score
    FROM grade_cells
    JOIN base_cell ON base_cell.id = grade_cells.id
    JOIN notebook ON notebook.id = base_cell.notebook_id
    JOIN assignment ON assignment.id = notebook.assignment_id
    WHERE assignment.name = ?"""


def scores(course: Course, lab: Lab) -> dict[str, dict[str, tuple[float | None, float | None]]]:
    """成绩库里的分：学生 → 单元格 → (自动分, 教师给的分)。"""
    found: dict[str, dict[str, tuple[float | None, float | None]]] = {}
    for student, cell, auto, manual in _asked(course, lab, SCORES):
        found.setdefault(student, {})[cell] = auto, manual
    return found


def comments(course: Course, lab: Lab) -> dict[str, dict[str, str]]:
    """教师写的评语：学生 → 单元格 → 文字；没有写的不在里面。"""
    found: dict[str, dict[str, str]] = {}
    for student, cell, text in _asked(course, lab, COMMENTS):
        if text:
            found.setdefault(student, {})[cell] = text
    return found


def _asked(course: Course, lab: Lab, question: str) -> list[tuple[Any, ...]]:
    """只读，直接问 SQLite：导入 nbgrader 要好几秒，而大多数命令只是看一眼。"""
    path = course.root / "gradebook.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as book:
        return book.execute(question, [lab.name]).fetchall()


def recorded(course: Course, lab: Lab) -> dict[str, dict[str, float | None]]:
    """已有的自动分：学生 → 检查 → 分。"""
    return {s: {cell: auto for cell, (auto, _) in own.items()} for s, own in scores(course, lab).items()}


def manual_scores(course: Course, lab: Lab) -> dict[str, dict[str, float | None]]:
    """教师给的分：学生 → 单元格 → 分；还没有给的为 None。"""
    return {s: {cell: manual for cell, (_, manual) in own.items()} for s, own in scores(course, lab).items()}


def overruled(course: Course, lab: Lab) -> dict[str, dict[str, float]]:
    """教师改过的自动分：学生 → 检查（如 ``half_close``）→ 他给的分。"""
    return {s: {c: given for c, given in own.items() if c in lab.checks and given is not None}
            for s, own in manual_scores(course, lab).items()}


def record(course: Course, lab: Lab, graded: Iterable[tuple[Paper, dict[str, Any]]]) -> int:
    """把判定写进成绩库，与库里相同的跳过；返回写了几份。可以重复做，断在哪里都不要紧。"""
    known, book, fresh = recorded(course, lab), course.notebook(lab), []
    for paper, result in graded:
        verdicts = course.verdicts(result)
        earned = {v.check.partition(".")[2]: v.earned for v in verdicts if v.status != "broken"}
        if {**known.get(paper.student, {}), **earned} != known.get(paper.student):
            fresh.append((paper, earned))
        _write_notebook(course, lab, paper, assembled(book, lab, paper, verdicts))
    if fresh:
        with opened(course) as writer:
            for paper, earned in fresh:
                _write_scores(writer, lab, paper, earned)
    return len(fresh)


def agree(course: Course, lab: Lab, points: dict[str, float], penalties: dict[str, float]) -> None:
    """让成绩库里各题的满分、迟交扣的分与教师的规矩一致；一致的不写。"""
    most = dict(_asked(course, lab, MOST))
    fresh = {cell: score for cell, score in points.items() if cell in most and most[cell] != score}
    known = {student: penalty or 0.0 for student, _, penalty in _asked(course, lab, PENALTIES)}
    late = {student: penalty for student, penalty in penalties.items() if student in known and known[student] != penalty}
    if not (fresh or late):
        return
    with opened(course) as book:
        for cell, score in fresh.items():
            book.find_grade_cell(cell, lab.name, lab.name).max_score = score
        for student, penalty in late.items():
            book.find_submission_notebook(lab.name, lab.name, student).late_submission_penalty = penalty
        book.db.commit()


def commented(lab: Lab, cell: str) -> str:
    """评语写在哪一格：nbgrader 的评语只在学生写的格子上，所以一项检查的，写在它考的最后一个答题格上。"""
    return lab.checks[cell].cells[-1] if cell in lab.checks else cell


def comment(course: Course, lab: Lab, cell: str, students: list[str], text: str, score: float | None = None) -> None:
    """给几个学生的这一格写同一句评语；``score`` 是书面题的分。"""
    mark(course, lab, {(student, cell): (score, text) for student in students})


def mark(course: Course, lab: Lab, marks: dict[tuple[str, str], tuple[float | None, str]]) -> None:
    """书面题的分与评语：(学生, 题) → (分, 评语)；分为 None 的不动。一次写完，断了就一个也没有写。"""
    with opened(course) as book:
        for (student, cell), (score, text) in marks.items():
            if text:
                book.find_comment(cell, lab.name, lab.name, student).manual_comment = text
            if score is not None:
                grade = book.find_grade(cell, lab.name, lab.name, student)
                grade.manual_score, grade.needs_manual_grade = score, False
        book.db.commit()


def _write_scores(book: Any, lab: Lab, paper: Paper, scores: dict[str, float]) -> None:
    book.update_or_create_student(paper.student, **_names(paper))
    when = datetime.fromisoformat(paper.attempt).astimezone(UTC).replace(tzinfo=None) if paper.attempt else None
    submission = book.update_or_create_submission(lab.name, paper.student, timestamp=when)
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            if grade.name in scores:
                grade.auto_score = scores[grade.name]
                grade.needs_manual_grade = grade.manual_score is not None
            elif grade.manual_score is None:
                grade.needs_manual_grade = True
    book.db.commit()


def _names(paper: Paper) -> dict[str, str]:
    """学生的 id 在 nbgrader 里也是文件夹和网址，所以是转义过的；转义得难认的，另写上名字和号，标点不要，不会是网页。"""
    if "," not in paper.student or not (paper.name and paper.id):
        return {}
    return {column: "".join(c if c.isalnum() else " " for c in text)
            for column, text in (("last_name", paper.name), ("first_name", paper.id))}


# ---------------------------------------------------------------- formgrader 看的笔记本

def _write_notebook(course: Course, lab: Lab, paper: Paper, book: dict[str, Any]) -> None:
    text = dumps(book)
    for folder in ("submitted", "autograded"):
        path = course.root / folder / paper.student / lab.name / f"{lab.name}.ipynb"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write(path, text)
    stamp = course.root / "submitted" / paper.student / lab.name / "timestamp.txt"
    if paper.attempt and not (stamp.exists() and stamp.read_text(encoding="utf-8") == paper.attempt):
        write(stamp, paper.attempt)  # 与成绩库里的时刻不同，formgrader 就说还没有批


def assembled(book: dict[str, Any], lab: Lab, paper: Paper, verdicts: list[Verdict]) -> dict[str, Any]:
    """源笔记本，答题格换成学生的文字，检查的输出换成判定的文字。学生写的东西在里面只是文字，不会是网页。"""
    fresh: dict[str, Any] = json.loads(json.dumps(book))
    told = {v.check.partition(".")[2]: v for v in verdicts}
    for cell in fresh["cells"]:
        name = source.grade_id(cell)
        if name in lab.cells:
            cell["source"] = paper.cells.get(name, "# （没有交这一格）")
        elif name in told:
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": repr(told[name])}]
        elif cell["cell_type"] == "markdown" and cell.get("metadata", {}).get("nbgrader", {}).get("grade"):
            cell["source"] = quoted(paper.written.get(name, "（没有交这一格）"))
        elif cell["cell_type"] == "markdown" and not name:
            continue
    return fresh


def quoted(text: str) -> str:
    """学生写的 Markdown 照原文放进缩进的代码块：标签、链接、图片都只是字。"""
    return "学生的回答（原文）：\n\n" + "\n".join(f"    {line}" for line in text.splitlines())
