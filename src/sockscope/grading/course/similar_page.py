"""``similar`` 的一页：全班的分布，连在一起的几份，一对一对并排。没有脚本；学生写的每一个字都转义过。"""

from __future__ import annotations

import html
import math
from pathlib import Path

from sockscope.grading.course.course import Course, write
from sockscope.grading.course.feedback import framed
from sockscope.grading.course.fingerprints import BINS, Marks, Pair, Parts
from sockscope.grading.course.names import printable, visible
from sockscope.grading.course.similar import MARKED, Likeness, within
from sockscope.grading.exam.lab import Lab

__all__ = ["page"]

BAR, HEIGHT, STEP = 40, 140, 100 // BINS
LINES, WIDE = 400, 400  # 一份最多印这么多行，一行最多这么多个字
CAUTION = """<p>这一页只说哪里像、有多像，不说为什么像。练习短，写法就那么几种：各写各的，也会像；照着书上同一段写的，也会像。</p>
<p>先看全班的分布，再读高出一截的几对，然后当面问一问。</p>
<p>百分数是一份里有多少在另一份里也有，两个方向各算一个，照大的排。变量名、注释、空白不算；函数的次序不算；发下去的不算。</p>"""


def page(course: Course, lab: Lab, likeness: Likeness, at_least: float) -> Path:
    """写出来，返回路径。"""
    pairs = likeness.told["pairs"]
    body = [CAUTION, _counted(likeness), "<h2>全班的分布</h2>", _distribution(likeness),
            f"<h2>连在一起的</h2><p>有一对不低于 {at_least:.0%}，就连在一起。</p>", _clusters(likeness),
            f"<h2>不低于 {at_least:.0%} 的 {len(pairs)} 对</h2>", _pairs(likeness)]
    path = course.root / "similar" / f"{lab.name}.html"
    write(path, framed(f"{lab.name} {lab.title}：哪些答卷相像", "\n".join(body), "grading/course/similar.css"))
    return path


def _who(likeness: Likeness, number: int) -> str:
    past = "" if number < likeness.here else "从前的 "
    return f"{past}<bdi>{html.escape(printable(likeness.names[number]))}</bdi>"


def _counted(likeness: Likeness) -> str:
    past = len(likeness.names) - likeness.here
    told = [f"<p>比了 {likeness.here} 份" + (f"，又与从前的 {past} 份比" if past else "")
            + f"，一共 {sum(likeness.told['bins'])} 对。</p>"]
    for title, numbers in (("写得太少，没有比", likeness.told["thin"]), ("分不成记号，没有比", likeness.told["failed"]),
                           ("太长，只比了前面的一截", likeness.cut)):
        if numbers:
            told.append(f"<p>{title}：{'、'.join(_who(likeness, n) for n in numbers)}。</p>")
    if likeness.unread:
        told.append(f"<p>从前的文件里读不了的：{html.escape(printable('；'.join(likeness.unread)))}。</p>")
    return "\n".join(told)


# ---------------------------------------------------------------- 分布

def _distribution(likeness: Likeness) -> str:
    """一格百分之五。少的那几格才要紧，所以柱高取对数，对数写在柱子上。"""
    told = likeness.told
    if not sum(told["bins"]):
        return "<p>没有一对可比。</p>"
    top = math.log1p(max(told["bins"]))
    bars = []
    for number, count in enumerate(told["bins"]):
        x, tall = number * BAR, HEIGHT * math.log1p(count) / top
        if count:
            bars.append(f'<rect x="{x + 2}" y="{HEIGHT - tall + 16:.1f}" width="{BAR - 4}" height="{tall:.1f}"/>'
                        f'<text x="{x + BAR / 2:g}" y="{HEIGHT - tall + 12:.1f}" text-anchor="middle">{count}</text>')
        if number % 2 == 0:
            anchor = "middle" if x else "start"
            bars.append(f'<text x="{x}" y="{HEIGHT + 32}" text-anchor="{anchor}">{STEP * number}%</text>')
    bars.append(f'<text x="{BINS * BAR}" y="{HEIGHT + 32}" text-anchor="end">100%</text>')
    said = "，".join(f"{STEP * n}% 到 {STEP * (n + 1)}% 有 {count} 对" for n, count in enumerate(told["bins"]) if count)
    return (f'<div class="wide" tabindex="0" role="region" aria-label="全部的对的分布">'
            f'<svg class="bars" viewBox="0 0 {BINS * BAR} {HEIGHT + 40}" role="img" aria-label="{said}">'
            f'{"".join(bars)}</svg></div>'
            f"<p>横着是像百分之几，柱子上是有几对；柱高取了对数，少的也看得见。一半的对不高于 {told['median']:.0%}，"
            f"一百对里有九十九对不高于 {told['high']:.0%}。</p>")


def _clusters(likeness: Likeness) -> str:
    rows = []
    for group in likeness.clusters:
        shares = [max(pair["share"]) for pair in within(likeness, group)]
        span = " 到 ".join(dict.fromkeys(f"{share:.0%}" for share in (min(shares), max(shares))))
        rows.append(f"<li>{len(group)} 份，{len(shares)} 对，像 {span}：{'、'.join(_who(likeness, n) for n in group)}</li>")
    return f"<ul>{''.join(rows)}</ul>" if rows else "<p>没有。</p>"


# ---------------------------------------------------------------- 一对一对

def _pairs(likeness: Likeness) -> str:
    pairs = likeness.told["pairs"]
    if not pairs:
        return "<p>没有。</p>"
    shown = "".join(_pair(likeness, pair) for pair in pairs[:MARKED])
    more = len(pairs) - MARKED
    return ("<p>点开一对，并排看；左边有竖线的行，另一份里也有。</p>" + shown
            + (f"<p>还有 {more} 对没有列出来；把 --at-least 写高一些。</p>" if more > 0 else ""))


def _pair(likeness: Likeness, pair: Pair) -> str:
    one, other = pair["who"]
    names = [_who(likeness, one), _who(likeness, other)]
    sides = "".join(f"<div><p>{names[side]}：{pair['share'][side]:.0%} 在另一份里也有</p>"
                    f"{_text(likeness.texts[number], pair['marks'][side])}</div>" for side, number in enumerate(pair["who"]))
    return (f"<details><summary><b>{max(pair['share']):.0%}</b> {names[0]} 与 {names[1]}</summary>"
            f'<div class="pair">{sides}</div></details>')


def _text(parts: Parts, marks: Marks) -> str:
    """一份的原文，相同的行标出来。"""
    return "".join(f"<pre>{_lines(parts[language], marks.get(language, []))}</pre>" for language in sorted(parts, reverse=True))


def _lines(text: str, slices: list[list[int]]) -> str:
    same = bytearray(len(text) + 1)
    for start, end in slices:
        same[start:end] = b"\1" * (min(end, len(text)) - start) if start < min(end, len(text)) else b""
    made, at, lines = [], 0, text.split("\n")
    for line in lines[:LINES]:
        inside = [same[at + n] for n, c in enumerate(line) if not c.isspace()]
        tag = "mark" if inside and 2 * sum(inside) >= len(inside) else "span"
        more = f"……（这一行还有 {len(line) - WIDE} 个字）" if len(line) > WIDE else ""
        shown = visible(line[:WIDE].replace("\t", "    ")) + more
        made.append(f"<{tag}>{html.escape(shown)}\n</{tag}>")
        at += len(line) + 1
    if len(lines) > LINES:
        made.append(f"<span>……（还有 {len(lines) - LINES} 行）\n</span>")
    return "".join(made)
