"""《教师手册》里由数据写成的部分：练习的表、手脚的表、变异的表、快慢，终端上的字和画面。

练习来自 ``sockscope.grading``，其余的由测量写在 ``book/`` 里；这里一个数也不另写。
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from sockscope import places
from sockscope.cells.made import made
from sockscope.grading.exam.lab import Lab, find_lab, labs
from sockscope.pages import ledger
from sockscope.pages.prose import Html, Table, marked

__all__ = ["Text", "exercises", "hostility", "mutants", "picture", "speed", "terminal"]

BOOK = places.ROOT / "book"
SHOTS = BOOK / "_assets" / "teaching"
SCALE = 2  # 画面拍的是两倍的像素
KINDS = {"cheat": "存心的", "form": "文件上的手脚", "accident": "不巧的意外"}


@dataclass(frozen=True)
class Text:
    """一段 Markdown。"""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text


# ---------------------------------------------------------------- 练习

@made()
def exercises() -> Table:
    """全部练习：题目、章、每一步和它的分。"""
    rows = [(f"`{lab.name}` {lab.title}\n{chapter(lab)}", f"{lab.points:g} + {written(lab):g}",
             "；".join(f"{check.title}（{check.points:g}）" for check in lab.checks.values())) for lab in labs().values()]
    steps = sum(len(lab.checks) for lab in labs().values())
    most = sum(lab.points + written(lab) for lab in labs().values())
    return Table(["练习", "分", "自动批改的步骤"], rows,
                 caption=f"“+”后面是书面题，由人来批。一共 {len(rows)} 个练习，{steps} 步，{most:g} 分。")


def chapter(lab: Lab) -> str:
    """讲这个练习的那一章，一个链接。"""
    number = lab.name.removeprefix("lab")
    return f"[第 {number} 章](../chapters/{ledger.chapters()[number].name})"


def written(lab: Lab) -> float:
    """书面题的满分。"""
    book = json.loads((places.ROOT / "labs" / lab.name / f"{lab.name}.ipynb").read_text(encoding="utf-8"))
    marks = [cell["metadata"].get("nbgrader", {}) for cell in book["cells"]]
    return sum(float(mark["points"]) for mark in marks if mark.get("grade") and mark.get("solution"))


# ---------------------------------------------------------------- 手脚与意外

def measured(path: str) -> Any:
    """``book/`` 里的一份测量；还没有测过则为 None。"""
    found = BOOK / path
    return json.loads(found.read_text(encoding="utf-8")) if found.exists() else None


def right(row: dict[str, Any], side: str) -> bool:
    """这一边判得对不对：该几分是几分（没有分数就是没有得分），谁也没有受害。"""
    told = row[side]
    return (told["score"] or 0) == row.get("fair", 0) and not told["harm"]


@made()
def hostility() -> Html | None:
    """每一种手脚与意外，我们与普通的 nbgrader 各怎样。"""
    if not (told := measured("hostility.json")):
        return None
    body = "".join(f'<tr><th colspan="3">{title}</th></tr>' + "".join(
        line(row) for row in told["rows"] if row["kind"] == kind) for kind, title in KINDS.items())
    return Html(f'<p>{counted(told)}</p><div class="sockscope-hostility"><table><thead><tr>'
                f"<th>交上来的</th><th>我们</th><th>普通的 nbgrader</th></tr></thead><tbody>{body}</tbody></table></div>")


def counted(told: dict[str, Any]) -> str:
    """表前的一句：一共几种，两边各判对几种。"""
    rows = told["rows"]
    tried = [row for row in rows if row["nbgrader"]]
    return (f"{len(rows)} 种，我们判对 {sum(right(r, 'ours') for r in rows)} 种。普通的 nbgrader {escape(told['nbgrader'])} "
            f"试了 {len(tried)} 种，判对 {sum(right(r, 'nbgrader') for r in tried)} 种，"
            f"有 {sum(bool(r['nbgrader']['harm']) for r in tried)} 种连累了别人或伸到了外面。"
            f"满分 {told['points']:g}；测于 {escape(told['date'])}，Linux {escape(told['kernel'])}。")


def line(row: dict[str, Any]) -> str:
    """表里的一行。"""
    fair = f"<small>该得 {row['fair']:g} 分</small>" if row.get("fair") else ""
    theirs = outcome(row, "nbgrader") if row["nbgrader"] else f"<small>{escape(row.get('why', '没有试'))}</small>"
    return f"<tr><td>{marked(row['story'])}{fair}</td><td>{outcome(row, 'ours')}</td><td>{theirs}</td></tr>"


def outcome(row: dict[str, Any], side: str) -> str:
    """一格：对不对，几分，害了谁。"""
    told = row[side]
    mark = "<i>✓</i>" if right(row, side) else '<i class="bad">✗</i>'
    score = "没有分数" if told["score"] is None else f"{told['score']:g} 分"
    return f"<span>{mark} {score}</span>" + (f"<small>{escape(told['harm'])}</small>" if told["harm"] else "")


# ---------------------------------------------------------------- 变异与快慢

@made()
def mutants() -> Table | None:
    """范例改错一处，考官看不看得出来。"""
    if not (told := measured("mutants.json")):
        return None
    made, seen = (sum(row[key] for row in told) for key in ("mutants", "killed"))
    rows = [(f"`{row['lab']}` {find_lab(row['lab']).title}", f"{row['killed']} / {row['mutants']}",
             "；".join(survivors(row)) or "没有") for row in told]
    return Table(["练习", "看出", "漏掉的"], rows, caption=f"一共改错 {made} 处，看出 {seen} 处（{seen / made:.1%}）。")


def survivors(row: dict[str, Any]) -> Iterator[str]:
    """没有看出来的，各是怎样的错。"""
    return (f"`{name}` {story}" for name, story in row["survivors"].items())


@made()
def speed() -> Text | None:
    """一分钟批多少份；没有测过就没有这一段。"""
    if not (told := measured("measurements/grading.json")):
        return None
    pair, crowd = told["compared"], told["crowd"]
    said = [f"同样的 {pair['count']} 份对的答卷：我们每分钟 {pair['ours_per_minute']:.0f} 份，普通的 `nbgrader autograde` "
            f"{pair['nbgrader_per_minute']:.1f} 份，快 {pair['ours_per_minute'] / pair['nbgrader_per_minute']:.0f} 倍。"]
    said += [f"{run['count']} 份，{run['workers']} 个工作进程：{run['seconds']:.0f} 秒，"
             f"全部进程的内存最多 {run['megabytes']:.0f} MB。" for run in crowd]
    if len(crowd) > 1:
        said.append("工作进程多少不同，分数一分不差。" if told["same_scores"] else "两次的分数不全相同。")
    return Text("".join(said) + f"测于 {told['date']}，{told['machine']}。")


# ---------------------------------------------------------------- 终端与画面

@made()
def terminal(name: str) -> Text:
    """终端上的一段，命令与回答都是真的（见 ``book/screenshots.py``）。"""
    return Text(f"```console\n{(SHOTS / f'{name}.txt').read_text(encoding='utf-8').rstrip()}\n```")


def printed_picture(name: str, told: str) -> Html:
    """书页里的一幅画面，取自 ``_static``。"""
    return picture(name, told, folder="../_static")


@made(page=printed_picture)
def picture(name: str, told: str, folder: str = "_assets") -> Html:
    """一幅画面；``told`` 是给看不见它的人的一句话。Lab 里取自 ``book/_assets``。"""
    width, height = size(SHOTS / f"{name}.webp")
    return Html(f'<img class="screenshot" src="{folder}/teaching/{name}.webp" alt="{escape(told)}" loading="lazy" '
                f'width="{width // SCALE}" height="{height // SCALE}">')


def size(path: Path) -> tuple[int, int]:
    """WebP 的宽高，像素。有 VP8X 块时是两个减了一的 24 位数，否则是 VP8 帧头里的两个 14 位数（RFC 9649 §2.5、§2.7）。"""
    data = path.read_bytes()[:30]
    match data[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8 ":
            return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise ValueError(f"{path.name} 不是有损的 WebP；用 make screenshots 重拍。")
