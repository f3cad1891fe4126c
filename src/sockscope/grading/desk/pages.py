"""桌面的几页：全部练习、一个练习、一条正在运行的命令。没有脚本；学生写的每一个字都转义过。"""

from __future__ import annotations

import argparse
import html
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sockscope.grading.course.comments import used
from sockscope.grading.course.course import Course
from sockscope.grading.course.export import taken
from sockscope.grading.course.names import printable
from sockscope.grading.course.people import everybody
from sockscope.grading.course.rules import Rules
from sockscope.grading.course.standing import Line, lines
from sockscope.grading.course.written import Answer, answers
from sockscope.grading.desk.forms import MARKED, form, purpose, takes
from sockscope.grading.desk.jobs import Job
from sockscope.grading.exam.lab import Lab, labs
from sockscope.render.sheets import style

__all__ = ["ELSEWHERE", "Pages", "people", "viewable"]

FOLDERS = ("summary", "feedback", "executed", "similar", "changes", "export", "release")  # 我们自己写成的，看得的
ELSEWHERE = {"desk", "formgrader", "keys", "sample"}  # 只在终端里用
AT_ONCE = 100  # 一页上的书面回答
PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>{refresh}{style}</head><body>
<header><a href="{root}/">批改的桌面</a>{nav}</header>
<main><h1>{title}</h1>
{body}
</main></body></html>
"""
REFRESH = '<meta http-equiv="refresh" content="1">'
# 回车等于按下表单里的第一个按钮：让它什么也不做
FIRST = '<button name="do" value="" class="first" tabindex="-1" aria-hidden="true"></button>'
MARKS = {"passed": ("✓", "通过"), "failed": ("✗", "没有通过"), "broken": ("⚠", "没有批成")}


@dataclass(frozen=True)
class Pages:
    """一门课的各页。``root`` 是全部地址的开头；``parsers`` 是 命令 → 解析器。"""

    course: Course
    parsers: Mapping[str, argparse.ArgumentParser]
    root: str

    def framed(self, title: str, *body: str, refresh: bool = False) -> str:
        """一页的骨架。"""
        links = "".join(f'<a href="{self.root}/lab/{name}">{name}</a>' for name in labs() if self._released(name))
        return PAGE.format(title=html.escape(title), body="\n".join(body), root=self.root, nav=links and f"<nav>{links}</nav>",
                           style=style("grading/desk/desk.css"), refresh=REFRESH if refresh else "")

    def home(self, job: Job | None) -> str:
        """第一页：各个练习到了哪一步，和不属于哪一个练习的命令。"""
        made = "".join(self._lab_row(lab) for lab in labs().values())
        heads = heads_of("练习", "收到", "批完", "要问的", "截止")
        folder = f"<p>课程文件夹 <code>{html.escape(str(self.course.root))}</code></p>"
        return self.framed("批改的桌面", self._running(job), folder,
                           f'<div class="scroll"><table>{heads}<tbody>{made}</tbody></table></div>',
                           f'<form method="post" action="{self.root}/" enctype="multipart/form-data">{FIRST}',
                           self._commands(""), "</form>", self._made(""))

    def of_lab(self, lab: Lab, job: Job | None) -> str:
        """一个练习：每个人一行，和能做的事；打了勾的人就是命令里写的人。"""
        most, rules = sum(self.course.points(lab).values()), Rules.of(self.course)
        due = rules.deadline(lab)
        said = f"满分 {most:g} 分。{f'截止 {due:%Y-%m-%d %H:%M}。' if due else ''}{rules.late}。"
        return self.framed(f"{lab.name} {lab.title}", self._running(job), f"<p>{html.escape(said)}</p>",
                           f'<form method="post" action="{self.root}/lab/{lab.name}" enctype="multipart/form-data">{FIRST}',
                           self._people(lab), self._commands(lab.name), "</form>", self._questions(lab), self._made(lab.name))

    def written(self, lab: Lab, question: str, job: Job | None) -> str:
        """一道书面题：没有看过的在前，一次至多一百个；填了分和评语，一起存。"""
        found = sorted(answers(self.course, lab, question), key=lambda a: (a.score is not None, a.who))
        waiting = sum(a.score is None for a in found)
        said = f"满分 {self.course.points(lab)[question]:g} 分。{len(found)} 个回答，{waiting} 个还没有看。"
        words = "".join(f'<option value="{html.escape(u.text)}">' for u in used(self.course, lab) if u.cell == question)
        rest = f"<p>这里是前 {AT_ONCE} 个；存了这一批，再看后面的。</p>" if len(found) > AT_ONCE else ""
        return self.framed(f"{lab.name} 书面题 {question}", self._running(job), f"<p>{html.escape(said)}</p>{rest}",
                           f'<datalist id="used">{words}</datalist><form method="post" enctype="multipart/form-data">{FIRST}',
                           "".join(map(_answer, found[:AT_ONCE])), '<button name="do" value="mark">存下</button></form>')

    def job(self, job: Job | None, back: str) -> str:
        """此刻的一条命令：它印了什么，结束了没有。"""
        if job is None:
            return self.framed("还没有运行过什么")
        state = "正在运行……" if job.running else "叫停了。批完的都存好了；再运行一次就接着批。" if job.stopped else \
            "做完了。" if job.code == 0 else "没有做成，原因在上面。"
        stop = f'<form method="post" action="{self.root}/job"><button name="do" value="stop">停下</button></form>'
        return self.framed("运行", f"<p><code>{html.escape(job.line)}</code></p>", f"<pre>{self._linked(job.text)}</pre>",
                           f"<p>{state}</p>", stop if job.running else "", f'<p><a href="{html.escape(back)}">回去</a></p>',
                           refresh=job.running)

    # ------------------------------------------------------------ 第一页

    def _released(self, lab: str) -> bool:
        return (self.course.root / "source" / lab).is_dir()

    def _lab_row(self, lab: Lab) -> str:
        name = f"{lab.name} {html.escape(lab.title)}"
        if not self._released(lab.name):
            return f'<tr class="not"><td>{name}</td><td colspan="4">还没有发布</td></tr>'
        papers = self.course.papers(lab)
        done, due = lines(self.course, lab) if papers else [], Rules.of(self.course).deadline(lab)
        graded = sum(self.course.result(lab.name, student) is not None for student in papers)
        cells = [f'<a href="{self.root}/lab/{lab.name}">{name}</a>', len(papers), graded,
                 sum(bool(line.question) for line in done) or "", f"{due:%Y-%m-%d %H:%M}" if due else ""]
        return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"

    def _running(self, job: Job | None) -> str:
        if job is None or not job.running:
            return ""
        return f'<p class="busy">正在运行 <a href="{self.root}/job"><code>{html.escape(job.line)}</code></a></p>'

    def _commands(self, lab: str) -> str:
        """能做的事，一件一个折起来的表单。"""
        made = ["<h2>做什么</h2>"]
        for name, parser in self.parsers.items():
            if name not in ELSEWHERE and takes(parser, "lab") == bool(lab):
                marked = "<small>不打勾就是全部的人</small>" if takes(parser, "students") else \
                    "<small>给打了勾的人</small>" if takes(parser, *MARKED) else ""
                made.append(f"<details><summary><code>{name}</code> {html.escape(purpose(parser))}</summary>{form(name, parser)}"
                            f'<button name="do" value="{name}">{name}</button> {marked}</details>')
        return "".join(made)

    def _questions(self, lab: Lab) -> str:
        """书面题，各还有几个没有看。"""
        waiting = Counter(a.question for a in answers(self.course, lab) if a.score is None)
        left = {name: f"，还有 {waiting[name]} 个没有看" if waiting[name] else "" for name in self.course.written(lab)}
        items = "".join(f'<li><a href="{self.root}/lab/{lab.name}/written/{quote(name)}">{html.escape(name)}</a>{said}</li>'
                        for name, said in left.items())
        return items and f"<h2>批书面题</h2><ul>{items}</ul>"

    def _made(self, lab: str) -> str:
        """写成了的页和表。"""
        found = [p for folder in ("summary", "changes", "similar", "export")
                 for p in sorted((self.course.root / folder).glob(f"{lab}*" if lab else "*.html"))]
        files = [inner for p in found for inner in (sorted(p.iterdir()) if p.is_dir() else [p])]
        names = {path: html.escape(str(path.relative_to(self.course.root))) for path in files}
        items = "".join(f'<li><a href="{self.link(path)}">{name}</a></li>' for path, name in names.items())
        return items and f"<h2>写成了的</h2><ul>{items}</ul>"

    # ------------------------------------------------------------ 全班的表

    def _people(self, lab: Lab) -> str:
        found = sorted(people(self.course, lab), key=lambda row: row[1])
        if not found:
            return "<p>还没有收到答卷。</p>"
        points, titles = self.course.points(lab), {name: check.title for name, check in lab.checks.items()}
        heads = heads_of("", "学生", *points, "扣分", "总分", "看", "要知道的", titles=titles)
        body = "".join(self._person(lab, *row, wide=len(points) + 2) for row in found)
        return f'<div class="scroll tall"><table class="people">{heads}<tbody>{body}</tbody></table></div>'

    def _person(self, lab: Lab, word: str, who: str, line: Line | None, note: str, wide: int) -> str:
        name = html.escape(who)
        tick = (f'<td><input type="checkbox" name="who" value="{html.escape(word)}" aria-label="{name}"></td>'
                f"<td>{name}</td>")
        if line is None:
            return f'<tr class="not">{tick}<td colspan="{wide}">{note}</td><td></td><td></td></tr>'
        result = self.course.result(lab.name, line.paper) or {"lab": lab.name, "verdicts": []}
        status = {v.check.partition(".")[2]: v.status for v in self.course.verdicts(result)}
        marks = "".join(_mark(status.get(check, "")) for check in lab.checks)
        scores = "".join(f"<td>{'' if s is None else f'{s:g}'}</td>" for s in (*line.written.values(), taken(line)))
        total = "" if line.total is None else f"<strong>{line.total:g}</strong>"
        return f"<tr>{tick}{marks}{scores}<td>{total}</td><td>{self._views(lab, line)}</td><td>{html.escape(note)}</td></tr>"

    def _views(self, lab: Lab, line: Line) -> str:
        found = {"反馈": self.course.root / "feedback" / line.student / lab.name / f"{lab.name}.html",
                 "执行": self.course.root / "executed" / line.paper / lab.name / f"{lab.name}.html"}
        return " ".join(f'<a href="{self.link(path)}">{name}</a>' for name, path in found.items() if path.exists())

    # ------------------------------------------------------------ 看得的文件

    def link(self, path: Path) -> str:
        return f"{self.root}/file/{quote(os.fsencode(path.relative_to(self.course.root)))}"

    def _linked(self, text: str) -> str:
        """印出的字；其中看得的路径是链接。"""
        made, at = [], 0
        for found in re.finditer(rf"{re.escape(str(self.course.root))}/[^\n：，。）]+", text):
            if path := viewable(self.course, Path(found[0].strip())):
                made += [html.escape(text[at:found.start()]), f'<a href="{self.link(path)}">{html.escape(found[0])}</a>']
                at = found.end()
        return "".join([*made, html.escape(text[at:])])


def heads_of(*names: str, titles: Mapping[str, str] | None = None) -> str:
    """一行表头。"""
    told = {n: f' title="{html.escape(title)}"' for n, title in (titles or {}).items()}
    cells = (f"<th{told.get(n, '')}>{html.escape(n).replace('_', '_<wbr>')}</th>" if n else "<td></td>" for n in names)
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def _answer(answer: Answer) -> str:
    """一个回答，和给它填的两格。"""
    student, said = html.escape(answer.student), html.escape(answer.comment)
    score = "" if answer.score is None else f"{answer.score:g}"
    return (f"<section><h3>{html.escape(printable(answer.who))}</h3><pre>{html.escape(answer.text) or '（没有写）'}</pre>"
            f'<p class="marks"><label>分 <input name="score:{student}" value="{score}" inputmode="decimal" size="4"></label>'
            f'<label>评语 <input name="comment:{student}" value="{said}" list="used"></label></p></section>')


def _mark(status: str) -> str:
    sign, said = MARKS.get(status, ("", ""))
    return f'<td class="{status}" title="{said}">{sign}</td>'


def people(course: Course, lab: Lab) -> Iterator[tuple[str, str, Line | None, str]]:
    """表里的人：命令里怎样写他；给人看的名字；他的一行，没有交、没有批的为 None；要知道的话。"""
    papers = course.papers(lab)
    graded = {line.student: line for line in lines(course, lab)}
    shared = [line for line in graded.values() if line.student not in papers]  # 同组的人交了
    for line in shared:
        member = line.member
        yield line.id or line.name, printable(member.who if member else line.name), line, _note(line, course, lab)
    for one in everybody(course, papers.values()):
        if one.student:
            own = graded.get(one.student)
            yield one.student, printable(papers[one.student].who), own, _note(own, course, lab) if own else "还没有批"
        elif one.member not in [line.member for line in shared]:
            yield one.key.partition(":")[2], printable(one.who), None, "没有交"


def _note(line: Line, course: Course, lab: Lab) -> str:
    paper = course.papers(lab, [line.paper])[line.paper]
    return "；".join(filter(None, [line.team, str(line.lateness), line.question, *paper.notes]))


def viewable(course: Course, path: Path) -> Path | None:
    """看得的一个文件：在我们写成的几个文件夹里，路上没有符号链接；不是则为 None。"""
    whole = Path(os.path.abspath(path))
    if not whole.is_relative_to(course.root) or Path(os.path.realpath(whole)) != whole:
        return None
    return whole if whole.relative_to(course.root).parts[:1] in {(f,) for f in FOLDERS} and whole.is_file() else None
