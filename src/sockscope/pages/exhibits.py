"""一个实验摆在书里哪里：哪一本笔记本的哪一节动得了它。"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache

from sockscope import experiments, places

__all__ = ["exhibit"]

SHOWS = re.compile(r'explorer\(\s*"(\w+)"')


@cache
def exhibit(name: str) -> tuple[str, str] | None:
    """实验 → ``(笔记本的路径, 小节的标题)``；录了而书里哪里也没有摆的，为 None。

    先取它自己那一章里能动手的，再取那一章里提到它的，最后是别处能动手的。
    """
    own = f"chapters/{experiments.get(name).chapter}_"
    found = [(path, title, source) for path, title, source in _cells() if f'"{name}"' in source]
    found.sort(key=lambda cell: (not cell[0].startswith(own), name not in SHOWS.findall(cell[2])))
    return found[0][:2] if found else None


@cache
def _cells() -> list[tuple[str, str, str]]:
    return list(_every_cell())


def _every_cell() -> Iterator[tuple[str, str, str]]:
    """全书的代码单元格：``(笔记本, 所在小节的标题, 源码)``。"""
    for folder in ("chapters", "book"):
        for path in sorted((places.ROOT / folder).glob("*.ipynb")):
            title = ""
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                source = "".join(cell["source"])
                if cell["cell_type"] == "markdown":
                    title = (re.findall(r"^#+ (.+)$", source, re.MULTILINE) or [title])[-1]
                else:
                    yield f"{folder}/{path.name}", title, source
