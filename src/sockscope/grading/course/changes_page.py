"""``changes``：把变化写成终端上的几行，和 ``changes/lab05.html`` 一页。"""

from __future__ import annotations

import difflib
import html
from collections.abc import Callable
from pathlib import Path

from sockscope.grading.course.changes import FLAKY, SAYS, Change, Step, moved
from sockscope.grading.course.course import Course, write
from sockscope.grading.course.feedback import framed
from sockscope.grading.course.history import paper_text
from sockscope.grading.course.names import printable
from sockscope.grading.exam.lab import Lab

__all__ = ["page", "text"]

SHEET = "grading/course/tables.css"
LINES = 60  # 一格的差异至多印这么多行


def text(steps: list[Step], who: Callable[[str], str]) -> str:
    """终端上的样子。"""
    if not steps:
        return "没有哪一项前后不同。"
    lines = []
    for step in steps:
        lines.append(f"{printable(who(step.student))}  {_total(step)}  {_when(step)}")
        for change in step.changes:
            mark = "！" if change.flaky else " "
            lines.append(f" {mark} {change.check} {change.line}")
            lines += [f"      {printable(why)}" for why in change.why]
    return "\n".join(lines)


def page(course: Course, lab: Lab, steps: list[Step], who: Callable[[str], str]) -> Path:
    """写成一页，返回路径。"""
    up = sum(s.total[1] > s.total[0] for s in steps)
    down = sum(s.total[1] < s.total[0] for s in steps)
    flaky = sum(s.flaky for s in steps)
    body = [f"<p>{len(steps)} 次变化：{up} 次分数升了，{down} 次降了，{len(steps) - up - down} 次没有升降。"
            + (f"其中 {flaky} 次说不出原因，排在最前面。" if flaky else "") + "原因只写记下来的。</p>"]
    body += [_section(course, lab, step, who(step.student)) for step in steps] or ["<p>没有哪一项前后不同。</p>"]
    path = course.root / "changes" / f"{lab.name}.html"
    write(path, framed(f"{lab.name} {lab.title}：变化", "\n".join(body), SHEET))
    return path


def _section(course: Course, lab: Lab, step: Step, who: str) -> str:
    rows = "".join(map(_row, step.changes))
    return (f'<section{" class=flaky" if step.flaky else ""}><h2>{html.escape(printable(who))}：{_total(step)}</h2>'
            f"<p>{html.escape(_when(step))}</p>"
            '<div class="wide" tabindex="0"><table><thead><tr><th>检查</th><th>从前</th><th>现在</th><th>为什么</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></div>{_differences(course, lab, step)}</section>")


def _row(change: Change) -> str:
    why = "".join(f'<p{" class=mark" if reason == FLAKY else ""}>{html.escape(reason)}</p>' for reason in change.why)
    was, now = (f"<td>{SAYS[status]}，{earned:g} 分" + (f"<br><small>{html.escape(told)}</small>" if told else "") + "</td>"
                for status, earned, told in zip((change.before, change.after), change.earned, change.told, strict=True))
    return f"<tr><td>{html.escape(change.title)}<br><small>{html.escape(change.check)}</small></td>{was}{now}<td>{why}</td></tr>"


def _total(step: Step) -> str:
    return f"自动批改 {step.total[0]:g} → {step.total[1]:g} 分"


def _when(step: Step) -> str:
    since = _moment(step.since) or "那时没有记时刻"
    return f"{since} → {_moment(step.when)}" if step.when else f"{since} 之后，没有重批"


def _moment(when: str) -> str:
    return when[:19].replace("T", " ")


def _differences(course: Course, lab: Lab, step: Step) -> str:
    """改过的答题格，改了哪几行。"""
    if step.papers[0] == step.papers[1]:
        return ""
    before, after = (paper_text(course, lab.name, step.student, digest) for digest in step.papers)
    if before is None or after is None:
        return ""
    return "".join(f"<details><summary>答题格 {html.escape(cell)} 改了哪几行</summary>"
                   f"{_difference(before.get(cell, ''), after.get(cell, ''))}</details>" for cell in moved(before, after))


def _difference(old: str, new: str) -> str:
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "从前", "现在", lineterm="", n=2))
    shown = "\n".join(f"<ins>{html.escape(line)}</ins>" if line.startswith("+") else
                      f"<del>{html.escape(line)}</del>" if line.startswith("-") else html.escape(line)
                      for line in lines[2:LINES + 2])
    more = f"\n……还有 {len(lines) - LINES - 2} 行" if len(lines) > LINES + 2 else ""
    return f'<pre class="difference" tabindex="0">{shown}{more}</pre>'
