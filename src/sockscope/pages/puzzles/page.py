"""谜题排成网页：一个选项是一个 ``<details>``，不要脚本，键盘可用；书页里另有脚本记住答过的（``puzzles.js``）。"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from html import escape
from random import Random

from sockscope import experiments
from sockscope.cells.made import made
from sockscope.pages.prose import Block, marked
from sockscope.pages.puzzles.kinds import KINDS
from sockscope.pages.puzzles.puzzle import BLANK, Puzzle, Source, ladder, short
from sockscope.render import framed, svg

__all__ = ["COUNT", "Puzzles", "draw", "identity", "pictures", "puzzles"]

COUNT = 10


@dataclass(frozen=True)
class Puzzles(Block):
    """几道谜题；``seed`` 不同，题就不同。"""

    chapter: str
    seed: str
    items: tuple[Puzzle, ...]

    def page_html(self) -> str:
        return f'<div class="sockscope-puzzles">{"".join(map(_puzzle, self.items))}</div>'

    def __repr__(self) -> str:
        return "\n\n".join(f"{n}. {p.text}\n{ladder(p.shown)}\n" + "\n".join(
            f"  {k}. {choice}" for k, choice in enumerate(p.choices.values(), 1)) for n, p in enumerate(self.items, 1))


@made()
def puzzles(chapter: str, seed: str | int = 0, count: int = COUNT) -> Puzzles:
    """第 ``chapter`` 章（如 ``"05"``）的 ``count`` 道谜题，从录制里出；同一个 ``seed`` 总是同样的题。

    没有这一章的实验抛 ``ValueError``；出得了的题不够，就少几道。
    """
    return Puzzles(chapter, str(seed), tuple(draw(chapter, str(seed), count)))


def draw(chapter: str, seed: str, count: int) -> list[Puzzle]:
    """轮着出各种题，直到够数；同一条录制至多一道，同一个实验的同一种题至多两道。"""
    rng = Random(f"sockscope {chapter} {seed}")
    sources = _sources(chapter)
    if not sources:
        raise ValueError(f"第 {chapter} 章没有录过的实验，出不了题。")
    found: list[Puzzle] = []
    used: set[tuple[str, str, str]] = set()
    kinds = list(KINDS)
    rng.shuffle(kinds)
    barren = 0
    while len(found) < count and barren < len(kinds):
        kind = kinds.pop(0)
        kinds.append(kind)
        puzzle = _one(kind, sources, used, found, rng)
        barren = 0 if puzzle else barren + 1
        if puzzle:
            found.append(puzzle)
            used.add(_place(puzzle.source))
    return found


def _one(kind: str, sources: list[Source], used: set[tuple[str, str, str]], found: list[Puzzle], rng: Random) -> Puzzle | None:
    """一道这种题；先从还没有出过题的实验里找。"""
    busy = [p.source.experiment.name for p in found]
    wanted = rng.sample(sources, len(sources))
    for source in sorted(wanted, key=lambda s: busy.count(s.experiment.name))[:60]:
        if _place(source) not in used and bool(source.cut) == (kind == "scissors"):
            puzzle = KINDS[kind](source, rng)
            if puzzle is not None and _sound(puzzle):
                return puzzle
    return None


def _sound(puzzle: Puzzle) -> bool:
    """选项够，各不相同；该遮的一处看得出遮着，没有因为太长被截掉。"""
    labels = set(puzzle.choices.values())
    return len(labels) == len(puzzle.choices) >= 2 and ladder(puzzle.shown).count(BLANK) == (puzzle.kind == "填空")


def _place(source: Source) -> tuple[str, str, str]:
    return source.experiment.name, source.key, source.cut


def _sources(chapter: str) -> list[Source]:
    found = []
    for name in experiments.names(recorded=True):
        wanted = experiments.get(name)
        if wanted.chapter != chapter:
            continue
        recording = experiments.Recording.load(name)
        keys = {wanted.key(values): values for values in wanted.variants()}
        found += [Source(wanted, keys[key], trace) for key, trace in recording.variants.items() if key in keys and short(trace)]
        found += [Source(wanted, keys[key], trace, cut) for key, group in recording.drops.items() if key in keys
                  for cut, trace in group.items() if not trace.settings.get("compares")]
    return found


# ---------------------------------------------------------------- 网页

def pictures(puzzle: Puzzle) -> tuple[str, str]:
    """题目里的图，宽窄两版，不带样式表；不说哪次调用引出了哪个包。"""
    wide, narrow = (svg.render(puzzle.shown, width=width, styled=False, causal=False) for width in ("wide", "narrow"))
    return wide, narrow


def _puzzle(puzzle: Puzzle) -> str:
    source, shown = puzzle.source, framed(*pictures(puzzle))
    name = identity(puzzle)
    options = "".join(_option(name, puzzle, key, label) for key, label in puzzle.choices.items())
    place = source.key
    if source.cut:
        cuts = list(experiments.Recording.load(source.experiment.name).drops[source.key])
        place = f"{source.key}~{cuts.index(source.cut)}"
    return (f'<section class="sockscope-puzzle" id="puzzle-{name}" data-id="{name}" '
            f'data-recording="{escape(source.experiment.name)}/{escape(place)}">'
            f"<h3>{puzzle.kind}<span class=\"verdict\" role=\"status\"></span></h3><div class=\"shown\">{shown}</div>"
            f'<div class="sockscope-quiz"><p>{marked(puzzle.text)}</p>{options}</div></section>')


def _option(group: str, puzzle: Puzzle, key: str, label: str) -> str:
    right = key == puzzle.right
    said = f"✓ 对。{marked(puzzle.because)} <small>{_basis(puzzle.source)}</small>" if right \
        else f"✗ 不是。{marked(puzzle.wrong.get(key, '再看一遍轨迹。'))}"
    return (f'<details name="{group}"{" data-right" * right}><summary>{marked(label)}</summary>'
            f'<p class="{"right" if right else "wrong"}">{said}</p></details>')


def _basis(source: Source) -> str:
    which = source.key + "，剪掉一个包" * bool(source.cut)
    return escape(f"依据：录制 {source.experiment.name}（{which}），{source.trace.kernel}。")


def identity(puzzle: Puzzle) -> str:
    """一道题的名字：题目和轨迹不变，名字就不变。"""
    told = "\n".join([puzzle.kind, puzzle.text, ladder(puzzle.shown), *sorted(puzzle.choices)])
    return hashlib.sha256(told.encode()).hexdigest()[:10]
