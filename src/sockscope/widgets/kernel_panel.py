"""“你的内核与书”的面板：一个按钮，一根进度条，最后是结论。Lab 里是部件；书页由 make serve 提供时，请那台服务器来做。

两处的脚本是同一个 ``kernel_panel.js``，活都由 ``Job`` 做：它另起一个进程运行 ``sockscope.cells.my_kernel``，叫停或本进程不在了，
那个进程自己收场。
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from sockscope import places
from sockscope.cells.made import made
from sockscope.cells.my_kernel import FILE, VERDICTS, Finding, Report
from sockscope.live.folder import temporary
from sockscope.render import mimebundle
from sockscope.render.sheets import sheet

__all__ = ["Job", "Page", "Panel", "html", "kernel_panel"]

HERE = places.PACKAGE / "widgets"
COMMAND = [sys.executable, "-m", "sockscope.cells.my_kernel", "--steps"]
TITLES = {"experiments": "实验的变体", "cells": "单元格"}
State = dict[str, Any]
"""面板的状态：``running``、``done``、``total``、``what``、``html``、``report``（JSON 文本，可以下载）、``error``。"""

IDLE: State = {"running": False, "done": 0, "total": 1, "what": "", "html": "", "report": "", "error": ""}


class Job:
    """一次比较，在另一个进程里。``on_change`` 在状态变了的时候被叫到（在后台线程里）。"""

    def __init__(self, command: list[str] = COMMAND, on_change: Callable[[State], None] = lambda _: None) -> None:
        self.command, self.on_change = command, on_change
        self.state: State = dict(IDLE)
        self.process: subprocess.Popen[str] | None = None
        self.last_words = ""
        self.lock = threading.Lock()

    def start(self) -> None:
        """开始；正在做就不再开始。"""
        with self.lock:
            if self.state["running"]:
                return
            self.last_words = ""
            self._say(running=True, done=0, what="准备内核", html="", report="", error="")
        threading.Thread(target=self._work, name="my-kernel", daemon=True).start()

    def stop(self) -> None:
        """叫停：关掉那个进程的标准输入，它做完手里的一步就交出已有的结论。"""
        process = self.process
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def _work(self) -> None:
        with temporary() as folder:
            path = Path(folder) / FILE
            try:
                self._run(path)
                told = path.read_text(encoding="utf-8") if path.exists() else ""
                shown = html(Report.from_json(json.loads(told))) if told else ""
                self._say(running=False, html=shown, report=told,
                          error="" if told else self.last_words or "没有做成：比较的进程没有交出结论。")
            except Exception as error:  # 后台线程的回溯谁也看不到
                self._say(running=False, error=f"没有做成：{error}")

    def _run(self, path: Path) -> None:
        with subprocess.Popen([*self.command, "--json", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace") as self.process:
            assert self.process.stdout is not None
            listener = threading.Thread(target=self._listen, args=(self.process.stderr,), daemon=True)
            listener.start()
            for line in self.process.stdout:
                if line.startswith('{"done"'):
                    self._say(**json.loads(line))
            listener.join()  # 它的最后一句也听完了，才放手
        self.process = None

    def _listen(self, stderr: Any) -> None:
        """它在标准错误上说的最后一句，做不成时给人看。"""
        for line in stderr:
            self.last_words = line.strip() or self.last_words

    def _say(self, **changes: Any) -> None:
        self.state = self.state | changes
        self.on_change(self.state)


# ---------------------------------------------------------------- 结论

def html(report: Report) -> str:
    """结论的 HTML：总数，再一项一项不一样的（两边的图）和做不了的。"""
    rows = "".join(f"<tr><th>{TITLES[kind]}</th>" + "".join(f"<td>{n}</td>" for n in report.counts(kind).values()) + "</tr>"
                   for kind in TITLES if sum(report.counts(kind).values()))
    heads = "".join(f"<th>{title}</th>" for title in VERDICTS.values())
    stopped = "<p>中途停下了，下面只是做完的那一部分。</p>" if report.stopped else ""
    return (f"<p>{escape(report.kernel)}，Python {escape(report.python)}</p>{stopped}"
            f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>{_unlike(report)}")


def _unlike(report: Report) -> str:
    found = report.unlike
    whys = {finding.says for finding in found}
    if len(found) > 1 and len(whys) == 1:  # 整台机器做不了，理由只说一次
        return f"<p>{escape(whys.pop())}</p>"
    return "".join(map(_finding, found))


def _finding(finding: Finding) -> str:
    """一项：结论、在哪里、一句话；有轨迹就把两张图并排。"""
    head = f"<b>{VERDICTS[finding.verdict]}</b>　{_where(finding)}　<code>{escape(finding.name)}</code>"
    says = f"<p>{escape(finding.says)}</p>"
    if finding.trace is None or finding.book is None:
        return f"<section><p>{head}</p>{says}</section>"
    pair = "".join(f"<figure><figcaption>{title}（{escape(trace.kernel)}）</figcaption>{mimebundle(trace)['text/html']}</figure>"
                   for title, trace in (("书上", finding.book), ("你的", finding.trace)))
    return f"<details><summary>{head}</summary>{says}<div class=\"pair\">{pair}</div></details>"


def _where(finding: Finding) -> str:
    """在哪里：第几章的一格，或哪个实验。"""
    if finding.kind == "experiments":
        return f"实验 <code>{escape(finding.place)}</code>"
    chapter = finding.place.removeprefix("chapters/")[:2]
    return f"第 {chapter} 章的一格" if chapter.isdigit() else f"{escape(finding.place)} 的一格"


# ---------------------------------------------------------------- Lab 与书页

class Panel(anywidget.AnyWidget):
    """Lab 里的面板。``asked`` 加一就开始，``halted`` 加一就停下。"""

    _esm = HERE / "kernel_panel.js"
    _css = sheet("widgets/kernel_panel.css")

    state = traitlets.Dict(default_value=IDLE).tag(sync=True)
    asked = traitlets.Int(0).tag(sync=True)
    halted = traitlets.Int(0).tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.job = Job(on_change=lambda state: setattr(self, "state", dict(state)))

    @traitlets.observe("asked")
    def _asked(self, _change: Any) -> None:
        self.job.start()

    @traitlets.observe("halted")
    def _halted(self, _change: Any) -> None:
        self.job.stop()


class Page:
    """书页里的面板：没有服务器的地方，只说怎样才有。"""

    def _repr_html_(self) -> str:
        return ('<div class="sockscope-kernel-panel"><p>书由 <code>make serve</code> 提供时，这里有一个按钮：'
                "全书的单元格和实验在你的内核上再做一遍，逐个与书比较。在终端里：<code>make compare</code>。</p></div>")

    def __repr__(self) -> str:
        return "全书的单元格和实验在你的内核上再做一遍，逐个与书比较：make compare。"


@made(page=Page)
def kernel_panel() -> Panel:
    """“你的内核与书”：按一下按钮，全书的单元格和实验在这台机器上再做一遍，逐个比较。"""
    return Panel()
