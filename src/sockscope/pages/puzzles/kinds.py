"""一道谜题怎样从一条录制里出来：遮住一处，或者打乱次序，正确答案就是录制里的那一个。

一种题是一个函数 ``(Source, Random) -> Puzzle | None``；这条录制出不了这种题，就是 ``None``。
"""

from __future__ import annotations

from sockscope.pages.puzzles import blanks, wholes
from sockscope.pages.puzzles.puzzle import Maker

__all__ = ["KINDS"]

KINDS: dict[str, Maker] = {
    "errno": blanks.errno, "state": blanks.state, "flag": blanks.flag, "number": blanks.number, "result": blanks.result,
    "order": wholes.order, "cause": wholes.cause, "variant": wholes.variant, "scissors": wholes.scissors}
