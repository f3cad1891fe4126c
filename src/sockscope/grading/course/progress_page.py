"""``progress`` 的一页：四张表。没有脚本；宽的表在自己的框里滚动。"""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

from sockscope.grading.course.course import Course, write
from sockscope.grading.course.feedback import framed
from sockscope.grading.course.misbeliefs import misbelief
from sockscope.grading.course.names import printable
from sockscope.grading.course.progress import Moment, Part, remarks
from sockscope.grading.course.standing import Line
from sockscope.grading.exam.lab import Check

__all__ = ["page"]

SHEET = "grading/course/tables.css"
BAR, HEIGHT = 76, 80


def page(course: Course, parts: list[Part]) -> Path:
    """写出来，返回路径。"""
    people: dict[str, Line] = {}
    for part in parts:
        people = {**part.lines, **people}
    noted = {key: said for key in people if (said := remarks(parts, key))}
    body = [f"<p>{len(parts)} 个练习，{len(people)} 个批过的人。满分里有书面题；书面题没有看完的只写自动分。</p>",
            "<h2>要留意的</h2>", _noted(people, noted), "<h2>每个人</h2>", _people(parts, people),
            "<h2>每次批改之后</h2><p>柱子是通过的检查占多少；相隔不到一小时的批改算一次。</p>",
            *(f"<h3>{part.lab.name} {html.escape(part.lab.title)}</h3>{bars(part.moments)}" for part in parts),
            "<h2>还没有过的误区</h2><p>按最后一次没有通过的份数排。没有通过的人也许信了这句话，也许只是别处写错了。</p>",
            _chapters(parts), _beliefs(parts), "<h2>每项检查</h2>", _checks(parts)]
    path = course.root / "summary" / "course.html"
    write(path, framed("全部练习", "\n".join(body), SHEET))
    return path


def table(heads: Iterable[str], rows: Iterable[str], label: str) -> str:
    """一张表，在自己的框里滚动；``rows`` 已经是网页。"""
    head = "".join(f"<th>{h}</th>" for h in heads)
    return (f'<div class="wide" tabindex="0" role="region" aria-label="{html.escape(label)}"><table>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>")


def _who(line: Line) -> str:
    number = f"（{line.id}）" if line.id else ""
    return html.escape(printable(line.member.who if line.member else f"{line.name}{number}"))


def _noted(people: dict[str, Line], noted: dict[str, list[str]]) -> str:
    if not noted:
        return "<p>没有。</p>"
    rows = (f"<tr><td>{_who(people[key])}</td><td>{html.escape('；'.join(said))}</td></tr>" for key, said in noted.items())
    return table(("学生", "什么"), rows, "要留意的学生")


# ---------------------------------------------------------------- 每个人

def _people(parts: list[Part], people: dict[str, Line]) -> str:
    heads = ["学生", *(f"{part.lab.name}<br><small>满分 {part.most:g}</small>" for part in parts)]
    rows = ("<tr><td>" + _who(people[key]) + "</td>" + "".join(f"<td>{_cell(part, key)}</td>" for part in parts) + "</tr>"
            for key in sorted(people, key=lambda k: people[k].student))
    return table(heads, rows, "每个学生各个练习的分")


def _cell(part: Part, key: str) -> str:
    line = part.lines.get(key)
    if line is None:
        return "还没有批" if key in part.waiting else "没有交"
    share = f"<small>{line.total / part.most:.0%}</small>" if line.total is not None and part.most else ""
    score = f"{line.total:g} {share}" if line.total is not None else f"自动 {line.auto:g}，{'要问' if line.question else '待看'}"
    return score + ("，迟" if line.late else "")


# ---------------------------------------------------------------- 各次批改

def bars(found: list[Moment]) -> str:
    """一次批改一根柱子，通过几成写在上面。"""
    if not found:
        return "<p>那时没有记。</p>"
    drawn, told = [], []
    for number, one in enumerate(found):
        share = one.passed / one.checks if one.checks else 0.0
        x, tall = number * BAR, HEIGHT * share
        drawn.append(f'<rect x="{x + 8}" y="{HEIGHT - tall + 16:g}" width="{BAR - 16}" height="{tall:g}"/>'
                     f'<text x="{x + BAR / 2:g}" y="{HEIGHT - tall + 12:g}" text-anchor="middle">{share:.0%}</text>'
                     f'<text x="{x + BAR / 2:g}" y="{HEIGHT + 30}" text-anchor="middle">{one.when[5:]}</text>'
                     f'<text x="{x + BAR / 2:g}" y="{HEIGHT + 44}" text-anchor="middle">{one.papers} 份</text>')
        told.append(f"{one.when} 批过 {one.papers} 份，通过 {share:.0%}")
    wide = len(found) * BAR
    return (f'<svg class="rounds" width="{wide}" viewBox="0 0 {wide} {HEIGHT + 50}" role="img" aria-label="{"；".join(told)}">'
            f"{''.join(drawn)}</svg>")


# ---------------------------------------------------------------- 检查与误区

def _failed(part: Part, check: Check) -> tuple[int, int]:
    """``(最后一次没有通过的份数, 判过的份数)``。"""
    right, of = part.last.get(check.id, (0, 0))
    return of - right, of


def _chapters(parts: list[Part]) -> str:
    found: dict[str, list[int]] = {}
    for part in parts:
        for check in part.lab.checks.values():
            if told := misbelief(check):
                count = found.get(told.chapter, [0, 0])
                failed, of = _failed(part, check)
                found[told.chapter] = [count[0] + failed, count[1] + of]
    order = sorted(found.items(), key=lambda item: -item[1][0] / max(item[1][1], 1))
    rows = (f'<tr><td>第 {chapter} 章</td><td class="number">{failed}</td><td class="number">{of}</td>'
            f'<td class="number">{_share(failed, of)}</td></tr>' for chapter, (failed, of) in order)
    return table(("章", "没有通过的项次", "判过的项次", "占"), rows, "各章没有通过的")


def _beliefs(parts: list[Part]) -> str:
    found = [(*_failed(part, check), check, told) for part in parts
             for check in part.lab.checks.values() if (told := misbelief(check))]
    rows = (f'<tr><td>{told.html}</td><td class="number">{failed}/{of}</td><td>{html.escape(told.place)}</td>'
            f"<td>{html.escape(check.title)}<br><small>{check.id}</small></td></tr>"
            for failed, of, check, told in sorted(found, key=lambda f: -f[0]) if failed)
    return table(("误区", "没有通过", "哪里讲", "哪一项考"), rows, "还没有过的误区")


def _checks(parts: list[Part]) -> str:
    rows = []
    for part in parts:
        for check in part.lab.checks.values():
            told = misbelief(check)
            counts = (part.first.get(check.id, (0, 0)), part.last.get(check.id, (0, 0)))
            shares = "".join(f'<td class="number">{_share(*c)} <small>{c[0]}/{c[1]}</small></td>' for c in counts)
            says, place = (told.html, html.escape(told.place)) if told else ("", "")
            rows.append(f"<tr><td>{html.escape(check.title)}<br><small>{check.id}</small></td>{shares}<td>{says}</td><td>{place}</td></tr>")
    return table(("检查", "第一次交的通过", "最后一次的通过", "反驳的误区", "哪里讲"), rows, "每项检查通过几成")


def _share(count: int, of: int) -> str:
    return f"{count / of:.0%}" if of else "—"
