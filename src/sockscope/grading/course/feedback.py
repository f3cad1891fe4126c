"""反馈：一个学生一页，没有脚本，不向外部要任何东西；学生写的每一个字都转义过。"""

from __future__ import annotations

import html
from pathlib import Path

from sockscope.grading.course import gradebook
from sockscope.grading.course.course import Course, write
from sockscope.grading.course.marking import trace_of
from sockscope.grading.course.names import printable
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.verdict import SHEET, Verdict
from sockscope.render.sheets import style

__all__ = ["feedback", "framed"]

PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{style}</head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def framed(title: str, body: str, *sheets: str) -> str:
    """一页的骨架。``body`` 已经是网页，``title`` 是文字；``sheets`` 是骨架与判定之外还要的样式表。"""
    return PAGE.format(title=html.escape(title), style=style("grading/course/feedback.css", SHEET, *sheets), body=body)


def feedback(course: Course, lab: Lab, students: list[str] | None = None) -> list[Path]:
    """给每个批过的学生写一页，返回写了哪些。"""
    manual, said, written = gradebook.manual_scores(course, lab), gradebook.comments(course, lab), course.written(lab)
    made = []
    for student, paper in course.papers(lab).items():
        result = course.result(lab.name, student)
        if result is None or (students and student not in students):
            continue
        verdicts = [trace_of(v) for v in result["verdicts"]]
        own = {name: (manual.get(student, {}).get(name), points, said.get(student, {}).get(name, ""))
               for name, points in written.items()}
        path = course.root / "feedback" / student / lab.name / f"{lab.name}.html"
        notes = [*paper.notes, *(["迟交"] if paper.late else [])]
        write(path, framed(f"{lab.name} {lab.title}：{printable(paper.who)}", page(verdicts, own, notes)))
        made.append(path)
    return made


def page(verdicts: list[Verdict], written: dict[str, tuple[float | None, float, str]], notes: list[str]) -> str:
    """一个学生的反馈：总分，书面题的分与老师的评语，收卷时的话，逐项的判定。"""
    earned, most = sum(v.earned for v in verdicts), sum(v.points for v in verdicts)
    lines = [f"<p>自动批改：<strong>{earned:g} / {most:g}</strong> 分。</p>"]
    for name, (score, points, comment) in written.items():
        given = "老师还没有看" if score is None else f"{score:g} 分"
        lines.append(f"<p>书面题 {html.escape(name)}：{given}（满分 {points:g} 分）。</p>")
        if comment:
            lines.append(f"<blockquote>{html.escape(comment)}</blockquote>")
    if notes:
        lines.append("<ul>" + "".join(f"<li>{html.escape(n)}</li>" for n in notes) + "</ul>")
    return "\n".join([*lines, *(v.html() for v in verdicts)])
