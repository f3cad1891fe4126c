"""从症状找原因：``book/symptoms.toml`` 里的每个症状，连到讲它的小节和真的发生过它的录制。

小节的标题、实验的轨迹都不另写一份：标题由单元格所在的地方来，轨迹由录制来。"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from html import escape
from typing import Any

from sockscope import experiments, places
from sockscope.cells.made import made
from sockscope.experiments.tools import Look, recorded, taken
from sockscope.pages import ledger
from sockscope.pages.prose import Html, marked
from sockscope.render import text
from sockscope.trace import Trace

__all__ = ["Cause", "Symptom", "contents", "everything", "groups", "spoken", "symptoms", "watched"]

PAGES = {experiments.GALLERY: "book/gallery.ipynb"}
ROOM = 92  # 文字轨迹的宽度，格


@dataclass(frozen=True)
class Cause:
    """一个原因：怎样认出来（``tell``），怎么办（``cure``），哪一章的哪个单元格讲它，哪个实验的哪种取值真的发生过它。

    不在哪一章里的实验（真程序、线上的事）不写章和单元格。
    ``run`` 是到手的机器上该运行的命令；有实验的，它在那个实验的主机 ``on`` 上真的运行过，``moment`` 见 ``experiments/tools.py``。
    """

    why: str
    tell: str
    cure: str
    chapter: str = ""
    cell: str = ""
    experiment: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    run: str = ""
    on: str = "server"
    moment: str = ""

    @property
    def look(self) -> Look | None:
        """要运行的命令和在哪里看；没有则为 None。"""
        if not (self.run and self.on and self.experiment):
            return None
        return Look(self.experiment, experiments.get(self.experiment).key(self.given), self.on, self.run, self.moment)

    @property
    def heading(self) -> str:
        """讲它的小节的标题；不在哪一章里的实验，小节就叫它的名字。"""
        return ledger.heading(self.chapter, self.cell) if self.chapter else experiments.get(self.experiment).title

    @property
    def place(self) -> str:
        """在书里哪里。"""
        return f"第 {self.chapter} 章" if self.chapter else experiments.get(self.experiment).place

    @property
    def link(self) -> str:
        """那一节的地址。"""
        if self.chapter:
            return ledger.link(self.chapter, self.heading)
        return f"../{PAGES[self.place]}#{ledger.anchor(self.heading)}"

    @property
    def trace(self) -> Trace | None:
        """真的发生过的那一次；没有实验则为 None。"""
        return experiments.recording(self.experiment, **self.given) if self.experiment else None

    @property
    def command(self) -> str:
        """在终端里再做一遍的命令。"""
        values = (f"{name}={int(v) if isinstance(v, bool) else v}" for name, v in self.given.items())
        return " ".join(["python -m sockscope run", self.experiment, *values])


@dataclass(frozen=True)
class Symptom:
    """一个症状。``name`` 是页面里的锚点；``says`` 是读者看到的样子，``sees`` 是先要知道的一句话。

    ``lines`` 是各种程序在日志里的原话，``"nginx：upstream timed out …"``：读者拿它来搜；``typed`` 是他会打的别的话，不印出来。
    """

    name: str
    group: str
    says: str
    sees: str
    causes: list[Cause]
    lines: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)


@cache
def everything() -> list[Symptom]:
    """全部症状，照文件里的次序。字段不对抛 ``TypeError``。"""
    table = tomllib.loads((places.ROOT / "book" / "symptoms.toml").read_text(encoding="utf-8"))
    return [Symptom(causes=[Cause(**cause) for cause in item.pop("cause")], **item) for item in table["symptom"]]


def groups() -> list[str]:
    """症状的几类，照出现的次序。"""
    return list(dict.fromkeys(symptom.group for symptom in everything()))


@made()
def symptoms(group: str) -> Html:
    """一类症状，逐个写出原因、认法、办法和录制。没有这一类抛 ``ValueError``。"""
    if group not in groups():
        raise ValueError(f"没有“{group}”这一类；有：{'、'.join(groups())}。")
    found = [symptom for symptom in everything() if symptom.group == group]
    return Html("".join(map(_section, found)), "\n".join(_plain(found)))


@made()
def contents() -> Html:
    """页首的目录：一类一段，点到哪里去哪里。"""
    parts = []
    for group in groups():
        items = "".join(f'<li><a href="#{s.name}">{marked(s.says)}</a></li>' for s in everything() if s.group == group)
        parts.append(f"<p>{escape(group)}</p><ul>{items}</ul>")
    return Html(f'<div class="sockscope-contents">{"".join(parts)}</div>', "\n".join(_plain(everything())))


def _plain(found: Iterable[Symptom]) -> Iterable[str]:
    for symptom in found:
        yield symptom.says
        yield from (f"  {line}" for line in symptom.lines)
        yield from (f"  {cause.why}：{cause.place}“{cause.heading}”" for cause in symptom.causes)


def _section(symptom: Symptom) -> str:
    causes = "".join(map(_cause, symptom.causes))
    return (f'<section class="sockscope-symptom" id="{symptom.name}"><h3>{marked(symptom.says)}</h3>'
            f'{spoken(symptom.lines)}<p>{marked(symptom.sees)}</p><ol class="causes">{causes}</ol></section>')


def spoken(lines: list[str]) -> str:
    """日志里的原话，一句一行：谁说的，怎么说。"""
    said = (line.partition("：")[::2] for line in lines)
    items = "".join(f"<li><b>{escape(who)}</b><code>{escape(words)}</code></li>" for who, words in said)
    return f'<ul class="lines">{items}</ul>' if items else ""


def _cause(cause: Cause) -> str:
    there = f'<a href="{escape(cause.link)}">{cause.place}“{escape(cause.heading)}”</a>'
    return (f"<li><p>{marked(cause.why)}</p><p><b>怎么认</b>{marked(cause.tell)}</p>{_command(cause)}"
            f"<p><b>怎么办</b>{marked(cause.cure)}</p><p><b>去看</b>{there}</p>{_recording(cause)}</li>")


def _command(cause: Cause) -> str:
    """要运行的命令；录过的，下面是它在这里的输出。"""
    if cause.look is None:
        return f"<p><b>运行</b><code>{escape(cause.run)}</code></p>" if cause.run else ""
    said = f"{cause.on}$ {cause.run}\n{recorded(cause.look)}"
    return f'<figure class="sockscope-tool"><pre>{escape(said)}</pre><figcaption>{taken()}</figcaption></figure>'


def _recording(cause: Cause) -> str:
    """录制折起来：打开是文字轨迹（书页里换成图），上面是再做一遍的命令。"""
    if cause.trace is None:
        return ""
    place = f"{cause.experiment}/{experiments.get(cause.experiment).key(cause.given)}"
    where = marked(ledger.shown(cause.experiment))
    return (f'<details data-recording="{escape(place)}"><summary>真的发生过的一次</summary><p>{where}</p>'
            f"<pre>$ {escape(cause.command)}</pre><pre>{escape(text.render(cause.trace, width=ROOM))}</pre></details>")


def watched() -> list[tuple[Look, dict[str, Any]]]:
    """要录的全部观看，和实验的参数；不重复。"""
    found = {cause.look: cause.given for symptom in everything() for cause in symptom.causes if cause.look}
    return list(found.items())
