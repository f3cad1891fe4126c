"""执行过的笔记本：给教师看的一页，从不算分。

笔记本是我们自己的，只有答题格里是学生的文字；检查的格子不运行，写上批改时的判定。内核（``kernel``）和 nbclient
（``conductor``）各在一个沙箱里，之间是考场文件夹里的 ipc 套接字；两边都没有网。学生的代码与内核同住，所以
输出说什么都可能是冒充的：留下的只有文字和真的 PNG（``outputs``），而分数从来不看这一页。
"""

from __future__ import annotations

import hashlib
import html
import os
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from sockscope.grading.course import source
from sockscope.grading.course.course import Course, dumps, write
from sockscope.grading.course.feedback import framed
from sockscope.grading.course.intake import Paper
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.student import Student
from sockscope.grading.exam.verdict import Verdict
from sockscope.grading.executed.outputs import Ran, visible
from sockscope.grading.jail.sandbox import LIMITS, Refused, Room, Sandbox, packages, refusal
from sockscope.live import Host, Network, Program
from sockscope.pool import Work

__all__ = ["Patience", "Study", "execute", "perform", "where"]

KERNEL, CONDUCTOR = (Path(__file__).with_name(name) for name in ("kernel.py", "conductor.py"))
CONNECTION = {"transport": "ipc", "ip": "/exam/kernel", "shell_port": 1, "iopub_port": 2, "stdin_port": 3,
              "control_port": 4, "hb_port": 5}
ROOMY = {**LIMITS, "RLIMIT_AS": 4 << 30, "RLIMIT_CPU": 120}  # 内核有十来个线程，各要地址空间；实际的内存另有人看着
FEW = 2  # 这么少就不必先空转
INTRODUCTION = "<p>运行的只有开场白和答题格，检查的格子里是批改时的判定。这一页不算分：输出里写什么，都是学生的代码说的。</p>"


@dataclass(frozen=True)
class Patience:
    """时限，秒：一格、打断之后、全部、内核就绪。"""

    each: float = 10.0
    grace: float = 3.0
    whole: float = 40.0
    start: float = 60.0


class NotExecuted(RuntimeError):
    """内核没有起来。消息是一句中文。"""


# ---------------------------------------------------------------- 一份

class Study:
    """执行笔记本用的沙箱：多挂上 Jupyter 的包，不连网。用完 ``close()``。

    Jupyter 要装一千多个模块；装好的包里若没有字节码，每份都要重新编译好几秒，所以先空转一遍，把字节码存下来：
    空转时没有学生的代码，之后这个文件夹只读。
    """

    def __init__(self) -> None:
        self.room = Room(ROOMY, packages("ipykernel", "nbclient", "zmq"), networked=False)
        self.sandbox = Sandbox()
        self.end, self.close = self.sandbox.end, self.sandbox.close

    def start(self, host: Host, folder: str, *, sockets: int = 0,
              compiling: bool = False) -> tuple[Program, dict[str, Any]]:
        return self.sandbox.start(host, folder, self.room, sockets=sockets)

    def warm_up(self) -> None:
        """包里没有字节码，就空转一遍。"""
        if os.path.exists(cache_from_source(f"{self.room.packages[0]}/ipykernel/ipkernel.py")):
            return
        folder = self.sandbox.folder / "bytecode"
        folder.mkdir()
        folder.chmod(0o777)  # 外面一层文件夹只有自己进得去
        self.room = replace(self.room, bytecode=str(folder), fresh=True)
        perform({0: "None"}, self)
        self.room = replace(self.room, fresh=False)


class Listener(Student):
    """``conductor`` 的一次运行：收它交出来的输出。"""

    def __init__(self, numbers: Iterable[int], *arguments: Any) -> None:
        self.ran, self.finished = {number: Ran() for number in numbers}, False
        super().__init__(*arguments)

    def begin(self) -> None:
        """内核就绪了。"""
        self._tell(b"begin\n")

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"cell": int(cell), "kind": str(kind), "text": str(text)}:
                self.ran[cell].take(kind, text)
            case {"cell": int(cell), "ended": str(ending), "lost": list(lost)}:
                self.ran[cell].end(ending, lost)
            case {"finished": True}:
                self.finished = True
            case _:
                super()._hear(message)

    def results(self) -> dict[int, Ran]:
        """各格的结果；中途整个没了的，记在正在运行的那一格。"""
        broken = [ran for ran in self.ran.values() if not ran.ending]
        if broken and not self.finished:
            broken[0].ending = "dead"
        return self.ran


def perform(sources: dict[int, str], study: Study, patience: Patience = Patience()) -> dict[int, Ran]:
    """在沙箱里依次执行几格，返回 格 → 结果。内核起不来抛 ``NotExecuted``；此外无论里面出什么事，都按时返回。"""
    shared = {"key": secrets.token_hex(16), "connection": CONNECTION}
    net, running = Network("client", "server", capture="cable"), []
    try:
        folder = net.folder
        running.append(kernel := Student(net.client, study, {"program": KERNEL.read_text(encoding="utf-8"), **shared},
                                         "kernel", folder))
        task = {"program": CONDUCTOR.read_text(encoding="utf-8"), "sources": list(sources.items()), **vars(patience), **shared}
        running.append(conductor := Listener(sources, net.client, study, task, "conductor", folder))
        with kernel.changed:
            kernel.changed.wait_for(lambda: kernel.ready, patience.start)
        if kernel.over or not kernel.ready:
            raise NotExecuted(f"内核没有起来：{visible(kernel.said.decode('utf-8', 'replace')[-400:]) or '没有说明'}")
        conductor.begin()
        with conductor.changed:
            conductor.changed.wait_for(lambda: conductor.over, patience.start + patience.whole)
        return conductor.results()
    finally:
        for student in running:
            student.end()
        net.close()


def to_run(book: dict[str, Any], lab: Lab, paper: Paper) -> dict[int, str]:
    """要运行的格：开场白，和交了的答题格。"""
    found = {}
    for number, cell in enumerate(book["cells"]):
        name = source.grade_id(cell)
        if name == "prelude":
            found[number] = source.text_of(cell)
        elif name in lab.cells and name in paper.cells:
            found[number] = paper.cells[name]
    return found


# ---------------------------------------------------------------- 一页

def page(book: dict[str, Any], lab: Lab, paper: Paper, ran: dict[int, Ran], verdicts: list[Verdict]) -> str:
    """一本执行过的笔记本。题目是我们的，是网页；学生的每个字都转义过。"""
    import mistune

    told, prose = {v.check.partition(".")[2]: v for v in verdicts}, mistune.create_markdown(escape=True, plugins=["table"])
    parts = [INTRODUCTION]
    for number, cell in enumerate(book["cells"]):
        name = source.grade_id(cell)
        if name in lab.cells:
            parts.append(answered(name, paper.cells.get(name), ran.get(number)))
        elif name in lab.checks:
            parts.append(told[name].html() if name in told else f"<p>{name}：还没有批。</p>")
        elif name in paper.written or (name and cell["cell_type"] == "markdown"):
            parts.append(f'<pre class="own">{html.escape(visible(paper.written.get(name, "（没有交这一格）")))}</pre>')
        elif cell["cell_type"] == "markdown":
            parts.append(str(prose(source.text_of(cell))))
        elif number in ran:
            parts.append(f"<pre>{html.escape(source.text_of(cell))}</pre>{shown(ran[number])}")
    return framed(f"{lab.name} {lab.title}：{paper.student}，执行过的笔记本", "\n".join(parts), "grading/executed/page.css")


def answered(name: str, text: str | None, ran: Ran | None) -> str:
    if text is None or ran is None:
        return f'<p class="own">答题格 {name}：（没有交这一格）</p>'
    return f'<div class="own"><pre>{html.escape(visible(text))}</pre>{shown(ran)}</div>'


def shown(ran: Ran) -> str:
    notes = "".join(f'<p class="note">{note}</p>' for note in ran.notes())
    return "".join(output.html() for output in ran.outputs) + notes


# ---------------------------------------------------------------- 一批

def where(course: Course, lab: Lab, student: str) -> Path:
    """一个学生的这一页在哪里。"""
    return course.root / "executed" / student / lab.name / f"{lab.name}.html"


def execute(course: Course, lab: Lab, students: list[str] | None = None, patience: Patience = Patience(), *,
            again: bool = False,
            progress: Callable[[int, int, str], None] = lambda *_: None) -> tuple[list[Path], list[tuple[str, str]]]:
    """执行一批答卷，返回写了哪些页，和没有执行成的 ``(学生, 原因)``。造不出沙箱抛 ``Refused``。

    答卷、判定和题目都没有变的，已有的那一页还作数；``again`` 则全部重来。
    """
    wanted = [paper for paper in course.papers(lab, students or []).values() if again or stale(course, lab, paper)]
    if why := refusal():
        raise Refused(why)
    study, pool = Study(), ThreadPoolExecutor(os.cpu_count() or 1)
    made: list[Path] = []
    failed: list[tuple[str, str]] = []
    try:
        if len(wanted) > FEW:
            study.warm_up()
        work: Work[Path] = Work(pool)
        student_of = {work.give(execute_one, course, lab, paper, study, patience): paper.student for paper in wanted}
        for count, future in enumerate(work, 1):
            student = student_of[future]
            try:
                made.append(future.result())
            except (NotExecuted, OSError) as error:
                failed.append((student, str(error)))
            progress(count, len(student_of), student)
    finally:
        pool.shutdown(cancel_futures=True)
        study.close()
    return sorted(made), failed


def stale(course: Course, lab: Lab, paper: Paper) -> bool:
    """这一页要不要（重）写。"""
    path = where(course, lab, paper.student)
    return not path.exists() or not path.read_text(encoding="utf-8").endswith(stamp(course, lab, paper))


def stamp(course: Course, lab: Lab, paper: Paper) -> str:
    """这一页由什么而来：题目、答卷和判定的摘要，写在页尾的注释里。"""
    made_from = dumps([course.notebook(lab), paper.json(), course.result(lab.name, paper.student)])
    return f"<!-- {hashlib.sha256(made_from.encode()).hexdigest()} -->\n"


def execute_one(course: Course, lab: Lab, paper: Paper, study: Study, patience: Patience) -> Path:
    book, result = course.notebook(lab), course.result(lab.name, paper.student)
    verdicts = course.verdicts(result) if result and result["digest"] == paper.digest else []
    made_from = stamp(course, lab, paper)
    ran = perform(to_run(book, lab, paper), study, patience)
    path = where(course, lab, paper.student)
    write(path, page(book, lab, paper, ran, verdicts) + made_from)
    return path
