"""判定：试了什么、该看到什么、看到了什么。一张中文的表，加上那一次的轨迹。"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from sockscope.trace import Trace

__all__ = ["SHEET", "Row", "Verdict"]

SHEET = "grading/exam/verdict.css"
MARKS = {"passed": "✓ 通过", "failed": "✗ 没有通过", "broken": "⚠ 没有批成"}


@dataclass(frozen=True)
class Row:
    """表里的一行。``ok`` 是否相符。"""

    tried: str
    expected: str
    seen: str
    ok: bool


@dataclass
class Verdict:
    """一项检查的结果。``status``：``passed``、``failed``，或者 ``broken``（批改的一方自己出了错，不算学生的）。

    ``note`` 是一句话的原因，``where`` 是程序停在哪里或在哪里出错，``said`` 是它打印的东西（不影响分数）。
    """

    check: str
    title: str
    points: float
    status: str = "passed"
    rows: list[Row] = field(default_factory=list)
    note: str = ""
    where: list[str] = field(default_factory=list)
    said: str = ""
    seed: int = 0
    seconds: float = 0.0
    trace: Trace | None = None

    @property
    def earned(self) -> float:
        """得分：全有或全无。"""
        return self.points if self.status == "passed" else 0.0

    @property
    def headline(self) -> str:
        mark = MARKS[self.status]
        again = f"（再来一次同样的：check({self.check!r}, seed={self.seed})）" if self.status == "failed" else ""
        return f"{mark}  {self.check}  {self.title}  {self.earned:g}/{self.points:g} 分{again}"

    def __repr__(self) -> str:
        lines = [self.headline]
        lines += [f"  {'✓' if r.ok else '✗'} {r.tried}\n      应当：{r.expected}\n      实际：{r.seen}" for r in self.rows]
        lines += [f"  {line}" for line in (self.note, *self.where) if line]
        if self.said:
            lines.append("  你的程序打印了（不影响得分）：\n" + self.said)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from sockscope.render.sheets import style

        return style(SHEET) + self.html()

    def html(self) -> str:
        """网页上的样子，样式另给：每一个字都转义过。"""
        rows = "".join(f"<tr><td>{'✓' if r.ok else '✗'}</td>" + "".join(
            f"<td>{html.escape(t)}</td>" for t in (r.tried, r.expected, r.seen)) + "</tr>" for r in self.rows)
        table = "<table><thead><tr><th></th><th>试了什么</th><th>应当</th><th>实际</th></tr></thead>" \
                f"<tbody>{rows}</tbody></table>" if rows else ""
        where = f"<pre>{html.escape(chr(10).join(self.where))}</pre>" if self.where else ""
        said = f"<details><summary>你的程序打印的（不影响得分）</summary><pre>{html.escape(self.said)}</pre></details>" \
            if self.said else ""
        return (f'<div class="sockscope-verdict {self.status}">'
                f"<p><strong>{html.escape(self.headline)}</strong></p>{table}"
                f"<p>{html.escape(self.note)}</p>{where}{self.figure()}{said}</div>")

    def figure(self) -> str:
        """没有通过时，那一次的轨迹图。"""
        if self.status != "failed" or self.trace is None or not self.trace.events:
            return ""
        from sockscope.render import framed, svg

        return framed(svg.render(self.trace), svg.render(self.trace, width="narrow"))

    def json(self) -> dict[str, Any]:
        """存进成绩库的样子；轨迹另存。"""
        return {**{k: v for k, v in vars(self).items() if k != "trace"}, "rows": [vars(r) for r in self.rows]}

    @classmethod
    def from_json(cls, value: dict[str, Any], trace: Trace | None = None) -> Verdict:
        return cls(**{**value, "rows": [Row(**r) for r in value["rows"]]}, trace=trace)
