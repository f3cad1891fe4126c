"""附录 G：程序里的说明照中文的习惯写，``名字`` 与汉字、标点之间不一定有空格；reStructuredText 要一个看不见的分隔。"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

LITERAL = re.compile(r"``[^`]+``(?=(?P<after>\S)|)")


def separated(line: str) -> str:
    """``名字`` 紧挨着别的字的地方，插一个反斜杠加空格。"""
    def mark(found: re.Match[str]) -> str:
        before = "\\ " if found.start() and not line[found.start() - 1].isspace() else ""
        return f"{before}{found[0]}" + ("\\ " if found["after"] else "")
    return LITERAL.sub(mark, line)


def process(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """``autodoc-process-docstring``。"""
    lines[:] = [separated(line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
