"""反馈：一个学生一页，没有脚本，不向外部要任何东西；学生写的每一个字都转义过。"""

from __future__ import annotations

import html
from pathlib import Path

from sockscope.grading.course import changes, gradebook
from sockscope.grading.course.course import Course, write
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.marking import trace_of
from sockscope.grading.course.names import printable
from sockscope.grading.course.standing import Line, lines
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
    """给每个批过的学生写一页，返回写了哪些；同组的人，每人一页。"""
    overruled = gradebook.overruled(course, lab)
    papers, points, made = course.papers(lab), course.written(lab), []
    for line in lines(course, lab):
        if students and line.student not in students:
            continue
        path = course.root / "feedback" / line.student / lab.name / f"{lab.name}.html"
        paper, result = papers[line.paper], course.result(lab.name, line.paper)
        verdicts = course.repointed(lab.name, [trace_of(v) for v in result["verdicts"]]) if result else []
        who = printable(line.member.who if line.member else papers[line.student].who if line.student in papers else line.name)
        news = changes.news(course, lab, line.student, line.paper, overruled.get(line.paper, {}))
        notes = [*filter(None, [news]), *notes_of(line, paper)]
        write(path, framed(f"{lab.name} {lab.title}：{who}", page(verdicts, line, points, notes)))
        made.append(path)
    return made


def notes_of(line: Line, paper: Paper) -> list[str]:
    """收卷时的话，同组的话，迟交的话。"""
    notes = list(paper.notes)
    if line.team:
        notes.append(f"{line.team}：这是 {printable(paper.who)} 交的一份，算给组里的每个人")
    if said := str(line.lateness):
        notes.append(said + (f"，扣 {line.deducted:g} 分" if line.deducted and line.total is not None else ""))
    return notes


def page(verdicts: list[Verdict], line: Line, points: dict[str, float], notes: list[str]) -> str:
    """一个学生的反馈：总分，书面题的分与老师的评语，收卷时的话，逐项的判定。``points`` 是书面题的满分。"""
    earned, most = sum(v.earned for v in verdicts), sum(v.points for v in verdicts)
    told = [f"<p>自动批改：<strong>{earned:g} / {most:g}</strong> 分。</p>"]
    if line.auto != earned:
        told.append(f"<p>老师改过，自动批改的几题算 <strong>{line.auto:g}</strong> 分。</p>")
    for name, score in line.written.items():
        given = "老师还没有看" if score is None else f"{score:g} 分"
        told.append(f"<p>书面题 {html.escape(name)}：{given}（满分 {points[name]:g} 分）。</p>")
        if comment := line.comments.get(name):
            told.append(f"<blockquote>{html.escape(comment)}</blockquote>")
    for name in (n for n in line.comments if n not in line.written):
        told.append(f"<p>老师看了答题格 {html.escape(name)}：</p><blockquote>{html.escape(line.comments[name])}</blockquote>")
    if line.total is not None:
        told.append(f"<p>总分：<strong>{line.total:g} / {most + sum(points.values()):g}</strong> 分。</p>")
    if notes:
        told.append("<ul>" + "".join(f"<li>{html.escape(n)}</li>" for n in notes) + "</ul>")
    return "\n".join([*told, *(v.html() for v in verdicts)])
