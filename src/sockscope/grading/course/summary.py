"""一个练习批完之后的一页：分数怎样分布，哪一项最难，哪几份要人看一眼，为什么。"""

from __future__ import annotations

import html
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from sockscope.grading.course.course import Course, write
from sockscope.grading.course.feedback import framed
from sockscope.grading.course.intake import Paper
from sockscope.grading.course.misbeliefs import misbelief
from sockscope.grading.course.names import printable
from sockscope.grading.course.standing import lines
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.verdict import Verdict
from sockscope.grading.executed.page import where

__all__ = ["summary", "to_look_at"]

BAR, HEIGHT = 44, 120


def summary(course: Course, lab: Lab) -> Path:
    """写 summary.html，返回路径。"""
    papers = course.papers(lab)
    results = {s: r for s in papers if (r := course.result(lab.name, s))}
    verdicts = {s: course.verdicts(r) for s, r in results.items()}
    most = sum(course.points(lab)[name] for name in lab.checks)
    path = course.root / "summary" / f"{lab.name}.html"
    body = [f"<p>收到 {len(papers)} 份，批完 {len(results)} 份，自动批改满分 {most:g} 分。</p>",
            "<h2>分数的分布</h2>", histogram([sum(v.earned for v in own) for own in verdicts.values()], most),
            "<h2>哪一项最难</h2>", hardest(lab, verdicts), "<h2>要看一眼的</h2>",
            looks(to_look_at(papers, verdicts, said_of(course, lab)), executed(course, lab, path.parent), papers)]
    write(path, framed(f"{lab.name} {lab.title}：全班", "\n".join(body), "grading/course/tables.css"))
    return path


def histogram(scores: list[float], most: float) -> str:
    """一分一根柱子。"""
    counts = Counter(round(s) for s in scores)
    top = max(counts.values(), default=1)
    bars = []
    for score in range(round(most) + 1):
        tall, x = HEIGHT * counts[score] / top, score * BAR
        label = f'<text x="{x + BAR / 2:g}" y="{HEIGHT - tall + 12:g}" text-anchor="middle">{counts[score]}</text>' \
            if counts[score] else ""
        bars.append(f'<rect x="{x + 4}" y="{HEIGHT - tall + 16:g}" width="{BAR - 8}" height="{tall:g}"/>{label}'
                    f'<text x="{x + BAR / 2:g}" y="{HEIGHT + 34}" text-anchor="middle">{score}</text>')
    told = "，".join(f"{s} 分 {n} 人" for s, n in sorted(counts.items()))
    return (f'<svg class="bars" viewBox="0 0 {(round(most) + 1) * BAR} {HEIGHT + 40}" role="img" '
            f'aria-label="{told}">{"".join(bars)}</svg>')


def hardest(lab: Lab, verdicts: dict[str, list[Verdict]]) -> str:
    """各项检查没有通过的人数，多的在前；连同最常见的那一行。"""
    missed: dict[str, Counter[str]] = {c.id: Counter() for c in lab.checks.values()}
    for own in verdicts.values():
        for verdict in own:
            if verdict.status == "failed":
                row = next((r for r in verdict.rows if not r.ok), None)
                missed[verdict.check][row.tried if row else verdict.note] += 1
    titles = {c.id: c.title for c in lab.checks.values()}
    order = sorted(missed, key=lambda c: -missed[c].total())
    stuck = {c: missed[c].most_common(1)[0][0] if missed[c] else "" for c in order}
    rows = "".join(f"<tr><td>{c}</td><td>{html.escape(titles[c])}</td><td>{missed[c].total()}</td>"
                   f"<td>{html.escape(stuck[c])}</td>{believed(lab, c)}</tr>" for c in order)
    return ('<div class="wide" tabindex="0"><table><tr><th>检查</th><th>试了什么</th><th>没有通过</th><th>最常卡在</th>'
            f"<th>常见的误解</th><th>哪里讲</th></tr>{rows}</table></div>")


def believed(lab: Lab, check: str) -> str:
    """这一项反驳的误区，和讲它的那一节：两格。"""
    told = misbelief(lab.checks[check.partition(".")[2]])
    return f"<td>{told.html}</td><td>{html.escape(told.place)}</td>" if told else "<td></td><td></td>"


def said_of(course: Course, lab: Lab) -> dict[str, list[str]]:
    """每份答卷要问教师的话，和迟交的话。"""
    return {line.student: list(filter(None, [line.question, str(line.lateness)])) for line in lines(course, lab)}


def to_look_at(papers: dict[str, Paper], verdicts: dict[str, list[Verdict]],
               said: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """要人看一眼的答卷和原因；``said`` 是另外要说的话。"""
    found = []
    for student, paper in papers.items():
        reasons = [*paper.notes, *said.get(student, [])]
        own = verdicts.get(student)
        if own is None:
            reasons.append("还没有批")
        elif broken := [v for v in own if v.status == "broken"]:
            reasons.append(f"{broken[0].check} 没有批成：{broken[0].note}")
        elif any("中途没了" in r.seen for v in own for r in v.rows):
            reasons.append("进程中途没了：os._exit()、崩溃，或超出了资源的上限")
        if reasons:
            found.append((student, "；".join(reasons)))
    return found


def executed(course: Course, lab: Lab, start: Path) -> dict[str, str]:
    """执行过的笔记本：学生 → 从 ``start`` 走过去的链接。"""
    pages = {student: where(course, lab, student) for student in course.papers(lab)}
    return {student: quote(os.path.relpath(page, start)) for student, page in pages.items() if page.exists()}


def looks(found: list[tuple[str, str]], pages: dict[str, str], papers: dict[str, Paper]) -> str:
    if not found:
        return "<p>没有。</p>"
    rows = "".join(f"<tr><td>{named(s, pages, printable(papers[s].who))}</td><td>{html.escape(why)}</td></tr>"
                   for s, why in found)
    return f"<table><tr><th>学生</th><th>为什么</th></tr>{rows}</table>"


def named(student: str, pages: dict[str, str], who: str) -> str:
    """学生的名字；执行过的，点得过去。"""
    name = html.escape(who)
    return f'<a href="{html.escape(pages[student])}">{name}</a>' if student in pages else name
