"""指纹：一批答卷两两比较，每一对有多少相同。只作为子进程运行（``python -m`` 这个模块），由 ``similar`` 来叫。

算法不是我们的：copydetect 用 Pygments 把程序变成记号（变量名、注释、空白都不算），再按 MOSS 的办法
（winnowing，Schleimer、Wilkerson、Aiken，SIGMOD 2003）取指纹。一份只取一次指纹，一对只比两个集合。
学生的文字只被切成记号，从不运行；可是它可以写得让切词的程序不停地转，所以在自己的进程里，时间和内存都有上限。

标准输入与输出各是一个 JSON：``Asked`` 与 ``Told``。
"""

from __future__ import annotations

import io
import itertools
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypedDict

from sockscope.live.launch import die_with

__all__ = ["Asked", "Pair", "Parts", "Told", "main"]

Parts = dict[str, str]                  # 语言（python、c）→ 原文
Marks = dict[str, list[list[int]]]      # 语言 → 相同的几段，从第几个字到第几个字
GRAM, WINDOW = 25, 6    # copydetect 的缺省：短于 25 个字的相同不算，30 个字以上的一定看得见
LEAST = 3 * GRAM        # 去掉发下去的，剩下的记号连起来不到这么长，就没有什么可比
ONE = 10.0              # 一份答卷取指纹最多用多少处理器时间，秒
ALL = 1800              # 整批最多用多少处理器时间，秒
MEMORY = 6 << 30
BINS = 20


class Pair(TypedDict):
    """一对：``who`` 是两份的序号；``share`` 是各自有多少（0 到 1）在另一份里也有。"""

    who: list[int]
    share: list[float]
    marks: list[Marks]


class Asked(TypedDict):
    """``own`` 是这一次的答卷，``past`` 是从前的，``apart`` 是不比的几对；``marked`` 是最像的几对要指出段落。"""

    template: Parts
    own: list[Parts]
    past: list[Parts]
    apart: list[list[int]]
    at_least: float
    marked: int


class Told(TypedDict):
    """``bins`` 是全部的对按相像的程度分成二十格；``pairs`` 不低于 ``at_least``，最像的在前。"""

    bins: list[int]
    median: float
    high: float
    pairs: list[Pair]
    thin: list[int]
    failed: list[int]


class Overrun(Exception):
    """这一份用完了它的时间。"""


def main() -> None:
    """从标准输入读，往标准输出写。"""
    import resource

    import copydetect  # noqa: F401  先装入：它自己要的内存不算学生的

    die_with(int(sys.argv[1]))
    asked: Asked = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (ALL, ALL))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    json.dump(compared(asked), sys.stdout)


def compared(asked: Asked) -> Told:
    """取指纹，两两比较。"""
    template = {language: set(_fingerprint(text, language).hashes) for language, text in asked["template"].items()}
    failed: list[int] = []
    prints = [_paper(number, parts, template, failed) for number, parts in enumerate([*asked["own"], *asked["past"]])]
    thin = [n for n, own in enumerate(prints) if n not in failed and sum(p.token_coverage for p in own.values()) < LEAST]
    apart, here = {tuple(sorted(pair)) for pair in asked["apart"]}, len(asked["own"])
    left_out = {*thin, *failed}
    scores: list[float] = []
    found: list[Pair] = []
    for one, other in itertools.combinations([n for n in range(len(prints)) if n not in left_out], 2):
        if one >= here or (one, other) in apart:
            continue
        share, _ = _compare(prints[one], prints[other])
        scores.append(max(share))
        if max(share) >= asked["at_least"]:
            found.append(Pair(who=[one, other], share=share, marks=[]))
    found.sort(key=lambda pair: sorted(pair["share"], reverse=True), reverse=True)
    for pair in found[:asked["marked"]]:
        pair["marks"] = _compare(*(prints[n] for n in pair["who"]))[1]
    scores.sort()
    bins = [0] * BINS
    for score in scores:
        bins[min(int(score * BINS), BINS - 1)] += 1
    return Told(bins=bins, median=_at(scores, 0.5), high=_at(scores, 0.99), pairs=found, thin=thin, failed=failed)


def _paper(number: int, parts: Parts, template: dict[str, set[int]], failed: list[int]) -> dict[str, Any]:
    """一份答卷的指纹，一种语言一份；切不下去的记在 ``failed`` 里。"""
    try:
        with _limited():
            return {language: _fingerprint(text, language, template.get(language, set())) for language, text in parts.items()}
    except Exception:  # 超时、嵌套太深、内存不够，或工具自己出了错：只少这一份
        failed.append(number)
        return {}


def _fingerprint(text: str, language: str, template: set[int] | None = None) -> Any:
    """发下去的（``template`` 为 None）每一处都取；学生的按窗口取，去掉发下去的。

    去掉由我们来做：copydetect 0.5.0 的 boilerplate 把一份里重复的几段也当成发下去的（``intersect1d`` 的 ``assume_unique``）。
    """
    import numpy as np
    from copydetect import CodeFingerprint
    from copydetect.utils import get_token_coverage

    window = 1 if template is None else WINDOW
    made = CodeFingerprint(language, GRAM, window, language=language, fp=io.StringIO(text))
    if template:
        made.hashes -= template
        made.hash_idx = {key: places for key, places in made.hash_idx.items() if key in made.hashes}
        made.token_coverage = get_token_coverage(made.hash_idx, GRAM, len(made.filtered_code))
    if len(made.offsets) > 1:  # 位置的表：开头一行排在注释前面，就没有了次序；类名的一行没有累加
        made.offsets = np.maximum.accumulate(made.offsets[1:])
    return made


def _compare(one: dict[str, Any], other: dict[str, Any]) -> tuple[list[float], list[Marks]]:
    from copydetect import compare_files

    same, marks = [0.0, 0.0], list[Marks]([{}, {}])
    for language in one.keys() & other.keys():
        _, share, slices = compare_files(one[language], other[language])
        for side, own in enumerate((one[language], other[language])):
            same[side] += float(share[side]) * float(own.token_coverage)
            marks[side][language] = [[int(a), int(b)] for a, b in slices[side].T] if len(slices[side]) else []
    whole = [sum(float(p.token_coverage) for p in own.values()) for own in (one, other)]
    return [round(min(s / w, 1.0), 4) for s, w in zip(same, whole, strict=True)], marks


@contextmanager
def _limited() -> Iterator[None]:
    """里面用的处理器时间有上限，超出抛 ``Overrun``。正则引擎自己会停下来看信号。"""
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Overrun

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, ONE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _at(scores: list[float], part: float) -> float:
    return scores[min(int(part * len(scores)), len(scores) - 1)] if scores else 0.0


if __name__ == "__main__":
    main()
