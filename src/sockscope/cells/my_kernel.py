"""你的内核与书：全书的单元格和实验在这台机器上再做一遍，逐个与录制比较。

    sockscope compare                  全部，有进度，最后是一张表；结果写进 my-kernel.json
    sockscope compare --cells chapters/05_closing.ipynb
    sockscope compare --experiments closing keepalive

每一项只有三种结论：``same`` 一样，``different`` 不一样（第一处不同，一句话），``impossible`` 做不了（缺什么，怎样补上）。
不一样是发现，不是错误：命令的退出码仍是 0。结果是一个不大的 JSON 文件，读者可以寄给作者。
"""

from __future__ import annotations

import json
import platform
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sockscope import experiments
from sockscope.cells.outputs import Output, first_difference
from sockscope.cells.recordings import Book, book_notebooks, sources
from sockscope.cells.runner import Stopped, run_all
from sockscope.experiments.known import judge
from sockscope.experiments.recheck import Outcome, Run, every_run, perform_all, team
from sockscope.live import Unavailable, capability
from sockscope.live.capability import kernel
from sockscope.terminal import Parser, lacking
from sockscope.trace import Trace, dumps, from_json

__all__ = ["CELLS", "FILE", "VERDICTS", "Finding", "Report", "compare_all", "main", "plan"]

FORMAT = "sockscope-compare/1"
FILE = "my-kernel.json"
VERDICTS = {"same": "一样", "different": "不一样", "impossible": "做不了"}
BLOCKED = "Unavailable"  # 单元格里的这个异常是“这台机器做不了”
CELLS = 8  # 一格单元格与几个实验抵得上同样的进度


@dataclass(frozen=True)
class Finding:
    """一项的结论：在哪里（笔记本或实验），哪一格或哪个变体，结论，一句话；不一样的若是轨迹，附上这里的那一条。

    ``output`` 是单元格的第几份输出（从 0 数）。
    """

    kind: str
    place: str
    name: str
    verdict: str
    says: str = ""
    trace: Trace | None = None
    output: int = 0

    @property
    def book(self) -> Trace | None:
        """书上与 ``trace`` 对应的那一条；没有则为 None。"""
        if self.trace is None:
            return None
        if self.kind == "experiments":
            return experiments.recording(self.place, **self.trace.parameters)
        outputs = Book.load(self.place).cells[self.name].outputs
        return from_json(outputs[self.output]["trace"])

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"verdict": self.verdict}
        if self.says:
            told["says"] = self.says
        if self.trace is not None:
            told |= {"trace": json.loads(dumps(self.trace)), "output": self.output}
        return told


@dataclass
class Report:
    """全部结论，和它们是在什么机器上得到的。``stopped`` 为真：中途叫停，只有一部分。"""

    kernel: str = field(default_factory=lambda: kernel().partition("-")[0])
    python: str = field(default_factory=platform.python_version)
    capture: str = field(default_factory=lambda: capability().level)
    findings: list[Finding] = field(default_factory=list)
    stopped: bool = False

    def counts(self, kind: str) -> dict[str, int]:
        """一类（``cells`` 或 ``experiments``）里各种结论的数目。"""
        found = Counter(finding.verdict for finding in self.findings if finding.kind == kind)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def unlike(self) -> list[Finding]:
        """不一样的和做不了的，照书里的次序。"""
        order = {name: place for place, name in enumerate([*book_notebooks(), *experiments.names()])}
        return sorted((f for f in self.findings if f.verdict != "same"), key=lambda f: (order.get(f.place, 0), f.name))

    def to_json(self) -> dict[str, Any]:
        """写进文件的样子：``{"cells": {笔记本: {格: 结论}}, "experiments": {实验: {变体: 结论}}}``。"""
        told: dict[str, Any] = {"format": FORMAT, "kernel": self.kernel, "python": self.python, "capture": self.capture,
                                "stopped": self.stopped, "cells": {}, "experiments": {}}
        for finding in sorted(self.findings, key=lambda f: (f.place, f.name)):
            told[finding.kind].setdefault(finding.place, {})[finding.name] = finding.to_json()
        return told

    @classmethod
    def from_json(cls, told: Any) -> Report:
        """读回；不合格式抛 ``ValueError``。"""
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ValueError(f"这个文件不是“你的内核与书”的结果：format 应为 {FORMAT!r}。")
        made = cls(str(told["kernel"]), str(told["python"]), str(told["capture"]), [], bool(told["stopped"]))
        for kind in ("cells", "experiments"):
            for place, items in told[kind].items():
                made.findings += [Finding(kind, place, name, item["verdict"], item.get("says", ""),
                                          from_json(item["trace"]) if "trace" in item else None, item.get("output", 0))
                                  for name, item in items.items()]
        return made


# ---------------------------------------------------------------- 做一遍

Progress = Callable[[int, int, str], bool | None]
"""进展：``(做完几步, 一共几步, 正在做什么)``；返回 False 就停下。"""


def plan(cells: Iterable[str] | None, wanted: Iterable[str] | None) -> tuple[list[str], list[Run]]:
    """要运行的笔记本和要做的实验；``None`` 是全部，空的是一个也不要。不认识的名字抛 ``ValueError``。"""
    books = book_notebooks() if cells is None else list(cells)
    if unknown := sorted(set(books) - set(book_notebooks())):
        raise ValueError(f"没有这样的笔记本：{'、'.join(unknown)}；有：{'、'.join(book_notebooks())}。")
    if books and (said := lacking("book", "nbclient", "nbformat", "ipykernel")):
        raise ValueError(f"运行单元格要用的{said}或者用 --experiments 只做实验。")
    names = experiments.names() if wanted is None else [experiments.get(name).name for name in wanted]
    return books, [run for run, _ in every_run(names) if not run.cut] if names else []


def compare_all(cells: Iterable[str] | None = None, wanted: Iterable[str] | None = None,
                on_progress: Progress = lambda *_: None) -> Report:
    """全部做一遍。做不了的不是异常，也是一种结论。"""
    books, runs = plan(cells, wanted)
    report, meter = Report(), _Meter(sum(len(sources(book)) for book in books) * CELLS + len(runs), on_progress)
    for finding in _all(books, runs, meter):
        report.findings.append(finding)
        if meter.stopped:
            report.stopped = True
            break
    return report


def _all(books: list[str], runs: list[Run], meter: _Meter) -> Iterator[Finding]:
    """先实验后单元格：实验快，读者先看见有东西在动。"""
    try:
        capability("cable")
    except Unavailable as refused:
        yield from _refused(books, runs, str(refused), meter)
        return
    if runs:
        with team() as pool:
            for outcome in perform_all(pool, runs):
                meter.step(1, f"实验 {outcome.run}")
                yield judged(outcome)
                if meter.stopped:
                    return
    for notebook, made in run_all(books, on_cell=lambda book, cell: meter.step(CELLS, f"{book} 的 {cell}"),
                                  stopping=lambda: meter.stopped) if books else ():
        if not isinstance(made, Stopped):
            yield from examined(notebook, made)


def _refused(books: list[str], runs: list[Run], why: str, meter: _Meter) -> Iterator[Finding]:
    for run in runs:
        meter.step(1, str(run))
        yield Finding("experiments", run.experiment, run.key, "impossible", why)
    for book in books:
        for name, _ in sources(book):
            meter.step(CELLS, book)
            yield Finding("cells", book, name, "impossible", why)


def judged(outcome: Outcome) -> Finding:
    """一次实验的结论。"""
    run, mine = outcome.run, outcome.trace
    place = "experiments", run.experiment, run.key
    if mine is None:
        return Finding(*place, "impossible" if outcome.impossible else "different", outcome.problem)
    book = experiments.recording(run.experiment, **run.values)
    found = judge(book, mine)
    says = f"{found.says}。{found.why}" if found.why else found.says
    return Finding(*place, "different", says, mine) if found.says else Finding(*place, "same")


def examined(notebook: str, made: Book | Exception) -> Iterator[Finding]:
    """一本笔记本每一格的结论。"""
    recorded = Book.load(notebook)
    for name, source in sources(notebook):
        if isinstance(made, Exception):
            yield Finding("cells", notebook, name, "different", str(made))
            continue
        mine, book = made.cells[name].outputs, recorded.outputs(name, source)
        yield Finding("cells", notebook, name, *_verdict(book, mine))


def _verdict(book: list[Output] | None, mine: list[Output]) -> tuple[str, str, Trace | None, int]:
    """结论、一句话、不一样的轨迹和它是第几份输出。"""
    if blocked := next((output["says"] for output in mine if output.get("error") == BLOCKED), ""):
        return "impossible", blocked, None, 0
    if book is None:
        return "impossible", "这一格改过，书上没有它的录制可比。", None, 0
    place, found = first_difference(book, mine)
    pair = [outputs[place] for outputs in (book, mine) if found and place < len(outputs)]
    both = len(pair) == 2 and all("trace" in output for output in pair)
    return "different" if found else "same", found, from_json(pair[1]["trace"]) if both else None, place


class _Meter:
    """进度：几个线程都来报，一次只让一个说话。"""

    def __init__(self, total: int, tell: Progress) -> None:
        self.total, self.tell, self.done, self.stopped = total, tell, 0, False
        self.lock = threading.Lock()

    def step(self, count: int, what: str) -> None:
        with self.lock:
            self.done += count
            self.stopped = self.tell(self.done, self.total, what) is False or self.stopped


# ---------------------------------------------------------------- 命令行

def main(arguments: list[str] | None = None) -> int:
    """入口；返回退出码。结论是什么都算做成了。"""
    parser = Parser(prog="sockscope compare", description="全书的单元格和实验在你的内核上再做一遍，逐个与书比较。")
    parser.add_argument("--cells", nargs="*", metavar="笔记本", help="只运行单元格；可以指定哪几本")
    parser.add_argument("--experiments", nargs="*", metavar="实验", help="只做实验；可以指定哪几个")
    parser.add_argument("--json", default=FILE, metavar="文件", help=f"结果写到哪里，缺省是 {FILE}")
    parser.add_argument("--steps", action="store_true", help="进展写成一行一个 JSON；标准输入一关就停下（给界面用）")
    options = parser.parse_args(arguments)
    both = options.cells is None and options.experiments is None
    cells, wanted = (None if both or asked == [] else asked or [] for asked in (options.cells, options.experiments))
    try:
        report = compare_all(cells, wanted, on_progress=_steps() if options.steps else _bar)
        _write(report, Path(options.json))
    except ValueError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("\n".join(summary(report)))
    print(f"\n结果写在 {options.json}：可以寄给本书的作者。")
    return 0


def _write(report: Report, path: Path) -> None:
    try:
        path.write_text(json.dumps(report.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"写不了 {path}：{error.strerror}。用 --json 换一个地方。") from None


def _bar(done: int, total: int, what: str) -> None:
    if sys.stdout.isatty():
        print(f"\r{done * 100 // total:3d}%  {what[:60]:60}", end="\r" if done < total else "\r\033[K", flush=True)


def _steps() -> Progress:
    """给界面的进展：一行一个 ``{"done", "total", "what"}``；标准输入到了结尾，就是界面叫停，或者已经不在。"""
    gone = threading.Event()

    def follow() -> None:
        sys.stdin.read()
        gone.set()

    threading.Thread(target=follow, daemon=True).start()

    def tell(done: int, total: int, what: str) -> bool:
        print(json.dumps({"done": done, "total": total, "what": what}), flush=True)
        return not gone.is_set()

    return tell


def summary(report: Report) -> Iterator[str]:
    """文字的结论：先总数，再一项一行不一样的和做不了的。"""
    yield f"你的内核（{report.kernel}）与书上："
    for kind, title in (("experiments", "实验的变体"), ("cells", "单元格")):
        counts = report.counts(kind)
        if total := sum(counts.values()):
            yield f"  {title} {total} 个：" + "，".join(f"{VERDICTS[v]} {n}" for v, n in counts.items() if n)
    if len({finding.says for finding in report.unlike}) == 1 and len(report.unlike) > 1:
        yield f"  {report.unlike[0].says}"
        return
    for finding in report.unlike:
        yield f"  {VERDICTS[finding.verdict]}  {finding.place} {finding.name}：{finding.says}"


if __name__ == "__main__":
    sys.exit(main())
